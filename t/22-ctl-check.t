#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# mailtrackctl check against a small server that is wrong in one way at a time:
# each fault is one cross with its remedy, and the mail made for it is gone.

use strict;
use warnings;
use File::Temp ();
use IO::Socket::INET;
use Mailtrack::Proc qw(reap run_command spawn wait_until);
use POSIX ();
use Test::More;

my $source = $ENV{MAILTRACK_SOURCE} // '.';
my $build  = $ENV{MAILTRACK_BUILD}  // "$source/build/test";
my $dir    = File::Temp->newdir('/tmp/mt-ctl-XXXXXX');
my $store  = "$dir/store/mailtrack.db";
my $ctl    = "$build/mailtrackctl";
my $good   = "\xe2\x9c\x93";
my $cross  = "\xe2\x9c\x97";
mkdir "$dir/$_" for qw(store spool);
chmod 02770, "$dir/store";
chmod 0770,  "$dir/spool";

sub ctl {
    return run_command('', { ASAN_OPTIONS => 'exitcode=99' }, $ctl,
        '--store', $store, @_);
}

sub sql {
    my ($query) = @_;
    my ($code, $out, $err) = run_command('', {}, 'sqlite3', '-cmd',
        '.timeout 5000', $store, $query);
    die "$query: $err" if $code;
    chomp $out;
    return $out;
}

is +(ctl('init'))[0], 0, 'init';

# -- the server -------------------------------------------------------------

# What it is told by a file, "name value" a line, read for each request.
sub behave {
    my (%how) = (address => '127.0.0.1', control => 'no-store', hits => 2,
        status => 200, health => 200, extra => '', length => 43, @_);
    open my $file, '>', "$dir/how.new" or die $!;
    print {$file} map { "$_ $how{$_}\n" } keys %how;
    close $file;
    rename "$dir/how.new", "$dir/how" or die $!;
    unlink "$dir/hits";
}

sub how {
    open my $file, '<', "$dir/how" or return ();
    return map { chomp; /^(\S+) (.*)$/ } <$file>;
}

my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 10)
  or die $@;
my $port = $socket->sockport;
my $gif  = pack 'H*', '47494638396101000100800000000000ffffff21f90401000000'
  . '002c00000000010001000002024401003b';
is length $gif, 43, 'the pixel';

sub store_hit {
    my ($id, %how) = @_;
    open my $file, '+>>', "$dir/hits" or die $!;
    print {$file} "x\n";
    seek $file, 0, 0;
    my @hits = <$file>;
    return if @hits > $how{hits};
    sql("BEGIN; INSERT INTO opens (track_id, opened_at, recorded_at, method,"
      . " ip_address, verdict, counts, rule, vendor, context, rules_version)"
      . " SELECT id, created_at, created_at, 'GET', '$how{address}', 5, 0,"
      . " 'x', '', 0, 1 FROM tracked_emails WHERE public_id = '$id';"
      . " UPDATE tracked_emails SET open_count = open_count + 1 WHERE"
      . " public_id = '$id'; COMMIT");
}

sub answer {
    my ($client, $path) = @_;
    my %how = how();
    my ($status, $type, $body, $headers) = (404, 'text/plain', 'none', '');
    if ($path eq '/health') {
        ($status, $body) = ($how{health}, qq({"status":"$how{health}"}));
    }
    elsif ($path =~ m{^/p/([0-9a-f-]{36})\.gif$}) {
        ($status, $type, $body) = ($how{status}, 'image/gif',
            substr $gif, 0, $how{length});
        $headers = "Cache-Control: $how{control}\r\n"
          . ($how{extra} ? "$how{extra}\r\n" : '');
        store_hit($1, %how);
    }
    print {$client} "HTTP/1.1 $status Word\r\nContent-Type: $type\r\n",
      'Content-Length: ', length $body, "\r\nConnection: close\r\n$headers",
      "\r\n", $body;
}

my $server = fork() // die $!;
if (!$server) {
    while (my $client = $socket->accept) {
        my $request = <$client> // next;
        while (defined(my $line = <$client>)) { last if $line =~ /^\r?\n$/ }
        answer($client, $request =~ /^GET (\S+)/);
        close $client;
    }
    POSIX::_exit(0);
}
END {
    my $status = $?;
    kill 'KILL', $server if $server;
    $? = $status;
}
close $socket;
my $url = "http://127.0.0.1:$port";
sql("INSERT INTO settings VALUES ('base_url', '$url'), ('spool_dir',"
  . " '$dir/spool'), ('pixel_path', 'p')");

# -- right ------------------------------------------------------------------

behave();
my ($code, $out, $err) = ctl('check');
is $code, 0, 'all is well' or diag "$out$err";
like $out, qr/^$good \Q$_\E: /m, "$_ is told of"
  for 'store', 'store file', 'store directory', 'spool', 'server', '/health',
  'pixel', 'caching headers', 'arrival', 'address';
unlike $out, qr/$cross/, 'no cross';
like $out, qr/^- place database: none configured/m, 'no place database';
like $out, qr/^all \d+ checks passed\n\z/m, 'the sum';
is sql('SELECT count(*) FROM tracked_emails'), 0, 'the mail is gone';
is sql('SELECT count(*) FROM recipients'), 0, 'its recipient too';

# A fault: exit 1 and exactly one cross, with these words.
sub wrong {
    my ($name, $words, @args) = @_;
    unlink "$dir/hits";
    my ($c, $o, $e) = ctl('check', @args);
    is $c, 1, "$name: exit 1" or diag "$o$e";
    my @crosses = $o =~ /^$cross (.*)$/mg;
    is scalar @crosses, 1, "$name: one cross" or diag $o;
    like $crosses[0] // '', qr/$words/, "$name: what and the remedy";
    like $e, qr/\Amailtrackctl: check: 1 of \d+ checks failed\n\z/,
      "$name: one line on stderr";
    is sql('SELECT count(*) FROM tracked_emails'), 0, "$name: mail gone";
    return $o;
}

# -- wrong in one way -------------------------------------------------------

behave(hits => 1);
wrong 'a cache', '^cache: 1 of 2 hits came.*try: ';
behave(hits => 0);
wrong 'nothing arrives', '^arrival: no hit .*DBDParams';
behave(address => '10.1.2.3');
wrong 'a proxy', '^address: 10\.1\.2\.3 was recorded, but we came from '
  . '127\.0\.0\.1.*RemoteIPInternalProxy 10\.1\.2\.3';
behave(control => 'max-age=60');
wrong 'cacheable', '^caching headers: .*max-age=60.*no-store';
behave(length => 42);
wrong 'another pixel', '^pixel: 200 image/gif, 42 bytes';
behave(status => 403);
wrong 'forbidden', '^pixel: 403';
behave(status => 302, extra => 'Location: https://other.example/p');
wrong 'moved', '^pixel: 302 redirects to https://other\.example/p.*BaseURL';
behave(health => 503);
wrong 'not healthy', '^/health: 503 \{"status":"503"\}';
behave(health => 404);
wrong 'somebody else', '^/health: 404.*MailtrackEngine On';
behave(extra => 'X-Cache: HIT from p');
like +(ctl('check'))[1], qr/^- cache: X-Cache: HIT from p$/m, 'traces of caches';
behave();
wrong 'no such name', '^DNS: .*MailtrackBaseURL', '--url',
  'http://nowhere.invalid';
my $free = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
my $closed = $free->sockport;
close $free;
wrong 'nobody listens', '^connection: .*start httpd', '--url',
  "http://127.0.0.1:$closed";
chmod 0775, "$dir/spool";
wrong 'spool open to all', "^spool: .*0775.*chmod o= '\Q$dir\E/spool'";
if ($> == 0) {
    chmod 0750, "$dir/spool";
    wrong 'a spool of root', "^spool: .*0750.*chmod g\\+w '\Q$dir\E/spool'";
    chown +(getpwnam 'www-data')[2, 3], "$dir/spool";
    unlike +(ctl('check'))[1], qr/spool: .*cannot/,
      'a spool that is its owner\'s alone is well';
    chown 0, 0, "$dir/spool";
}
chmod 0770, "$dir/spool";
chmod 0664, $store;
wrong 'store open to all', '^store file: .*0664.*chmod o=';
chmod 0660, $store;
chmod 0770, "$dir/store";
wrong 'directory not setgid', '^store directory: .*chmod g\+s';
chmod 02770, "$dir/store";
sql("INSERT INTO settings VALUES ('geoip_file', '$dir/places.mmdb')");
wrong 'no place database', '^place database: .*not there';
open my $file, '>', "$dir/places.mmdb" or die $!;
print {$file} 'x' x 5000;
close $file;
wrong 'broken place database', '^place database: .*no MaxMind database';
sql("DELETE FROM settings WHERE name = 'geoip_file'");
sql("UPDATE settings SET value = '' WHERE name = 'base_url'");
wrong 'no base URL', '^base URL: not known; try: .*--url';

# a mail that a killed check left behind
sql("UPDATE settings SET value = '$url' WHERE name = 'base_url'");
behave(hits => 0);
my $pid = spawn("$dir/log", {}, $dir, $ctl, '--store', $store, 'check');
ok wait_until(sub { sql('SELECT count(*) FROM tracked_emails') }, 10),
  'a check is under way';
sleep 1;
kill 'KILL', $pid;
reap($pid, 10);
sql('UPDATE tracked_emails SET created_at = created_at - 100000000');
behave();
is +(ctl('check'))[0], 0, 'the next one';
is sql('SELECT count(*) FROM tracked_emails'), 0, 'takes it away';

# -- certificates -----------------------------------------------------------

SKIP: {
    skip 'no openssl', 5 if system "command -v openssl >/dev/null";
    system "cd '$dir' && openssl req -x509 -newkey rsa:2048 -nodes -keyout"
      . ' k.pem -out c.pem -days 5 -subj /CN=localhost >/dev/null 2>&1';
    my $tls = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1);
    my $tls_port = $tls->sockport;
    close $tls;
    my $openssl = spawn("$dir/log", {}, $dir, 'openssl', 's_server', '-accept',
        "127.0.0.1:$tls_port", '-cert', 'c.pem', '-key', 'k.pem', '-www');
    wait_until(sub { IO::Socket::INET->new("127.0.0.1:$tls_port") }, 10);
    my ($c, $o) = ctl('check', '--url', "https://127.0.0.1:$tls_port");
    is $c, 1, 'a certificate of nobody';
    like $o, qr/^$cross certificate: .*try: renew or correct it/m, 'is told';
    like $o, qr/^$good server: /m, 'and the rest looked at all the same';
    kill 'TERM', $openssl;
    reap($openssl, 10);
}

# -- the command line -------------------------------------------------------

for my $bad ('ftp://x', 'x', '', 'http://', 'http://u:p@x/', 'http://x/?q',
    'http://x/#f', "http://x\ny") {
    my ($c, $o, $e) = ctl('check', '--url', $bad);
    is $c, 2, 'a URL that is none';
    like $e, qr/\Amailtrackctl: check: --url: expected http[^\n]*\n\z/, 'said';
}
($code, $out, $err) = run_command('', {}, $ctl, '--store', "$dir/none.db",
    'check', '--url', $url);
is $code, 1, 'without a store';
like $out, qr/^$cross store: .*no such file; try: mailtrackctl .* init$/m,
  'the command that makes it';
like $out, qr/^$good \/health: /m, 'the server is looked at';

done_testing;
