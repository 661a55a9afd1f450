#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# The place database and Apple's relay lists, downloaded (t/probe/download.c)
# from a server that answers right, 304, 401, half a file and garbage: what is
# there stays on any doubt, nothing else is left behind, no key is said. And
# the daemon does it by itself, into the file that httpd reads.

use strict;
use warnings;
use Compress::Zlib ();
use Cwd            ();
use Digest::MD5 qw(md5_hex);
use File::Temp ();
use IO::Socket::INET;
use Mailtrack::Proc qw(reap run_command spawn wait_until);
use POSIX ();
use Test::More;

my $source = Cwd::abs_path($ENV{MAILTRACK_SOURCE} // '.');
my $build  = $ENV{MAILTRACK_BUILD} // "$source/build/test";
my $dir    = File::Temp::tempdir('mailtrack-refresh-XXXXXX', TMPDIR => 1,
    CLEANUP => 1);
my $owner = $$;
delete @ENV{grep { /_proxy$/i } keys %ENV};
alarm 300;

sub slurp {
    open my $file, '<:raw', $_[0] or return undef;
    local $/;
    return scalar(<$file>) // '';
}

sub write_file {
    my ($path, $text, $mode) = @_;
    open my $file, '>:raw', $path or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
    chmod $mode, $path if $mode;
}

# -- a server that sends the bytes in a file, and keeps what it was asked -------

my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5,
    ReuseAddr => 1) or die "listen: $@";
my $url    = 'http://127.0.0.1:' . $listen->sockport;
my $server = fork() // die "fork: $!";
if (!$server) {
    my @hanging;
    while (getppid() == $owner) {
        my $ready = '';
        vec($ready, fileno $listen, 1) = 1;
        next if select($ready, undef, undef, 0.5) <= 0;
        my $client = $listen->accept or next;
        my $request = '';
        while (my $line = <$client>) {
            $request .= $line;
            last if $line eq "\r\n";
        }
        write_file("$dir/asked", $request);
        my $answer = slurp("$dir/answer") // '';
        if ($answer eq 'hang') {
            push @hanging, $client;
            next;
        }
        print {$client} $answer;
        close $client;
    }
    POSIX::_exit(0);
}
END {
    if ($$ == $owner) {
        local $?;
        kill 'KILL', $server;
        waitpid $server, 0;
    }
}

sub answers {
    my ($status, $body, @headers) = @_;
    my $length = length $body;
    push @headers, "Content-Length: $length" if !grep { /^Length/ } @headers;
    write_file("$dir/answer", join("\r\n", "HTTP/1.1 $status",
        'Connection: close', grep({ !/^Length/ } @headers), '', '') . $body);
}

sub download {
    my (@how) = @_;
    unlink "$dir/asked";
    my ($code, $out, $err) = run_command('', {}, "$build/t/probe/download",
        @how);
    is $err, '', 'without a word to stderr';
    is $code, 0, 'and without a fault';
    unlike $out, qr/geheim/, 'the key is not said';
    chomp $out;
    return $out;
}

sub listing { return join ' ', sort map { s{.*/}{}r } glob "$_[0]/* $_[0]/.[A-Za-z]*" }
sub zipped { return Compress::Zlib::memGzip($_[0]) }

# A tar as MaxMind ships: a directory, a licence, the database.
sub tarred {
    my (%files) = @_;
    my $tar = '';
    for my $name (sort keys %files) {
        my $body = $files{$name};
        my $head = pack 'a100 a8 a8 a8 a12 a12 a8 a1 a100 a6 a2 x247', $name,
          '0000644', '0000000', '0000000', sprintf('%011o', length $body),
          '00000000000', ' ' x 8, $name =~ m{/$} ? '5' : '0', '', "ustar\0",
          '00';
        substr $head, 148, 8, sprintf "%06o\0 ", unpack '%32C*', $head;
        $tar .= $head . $body . "\0" x (-length($body) % 512);
    }
    return $tar . "\0" x 1024;
}

# -- the place database -------------------------------------------------------

sub database {
    my ($name, @places) = @_;
    is system($^X, "$source/t/lib/mmdb", "$dir/$name", @places), 0,
      "a database $name";
    return slurp("$dir/$name");
}
my $first = database('first.mmdb', '::1.2.3.0/120', 'Norway', 'Oslo',
    map { ("2001:db8:$_\::/48", "Land $_", "City $_") } 1 .. 200);
sleep 1;    # its age is in seconds
my $second = database('second.mmdb', '::1.2.3.0/120', 'Norway', 'Bergen',
    map { ("2001:db8:$_\::/48", "Land $_", "City $_") } 1 .. 200);
mkdir "$dir/p";
my $file = "$dir/p/City.mmdb";

answers('200 OK', $first, 'ETag: "one"',
    'Last-Modified: Sat, 21 Nov 2026 00:00:00 GMT');
is download('places', $file, "url=$url/City.mmdb"), 'new', 'right: it is new';
is slurp($file), $first, 'it is what came';
is +(stat $file)[2] & 07777, 0644, 'httpd may read it';
is listing("$dir/p"), '.City.mmdb.asked City.mmdb', 'and nothing else is there';
unlike slurp("$dir/asked"), qr/If-None-Match/, 'the first question is plain';

answers('304 Not Modified', '', 'Length: none');
is download('places', $file, "url=$url/City.mmdb"), 'same', '304: the same';
like slurp("$dir/asked"), qr/^If-None-Match: "one"\r$/m, 'asked by ETag';
like slurp("$dir/asked"), qr/^If-Modified-Since: Sat, 21 Nov 2026/m, 'and time';
is slurp($file), $first, 'it stays';
download('places', $file, "url=$url/other");
unlike slurp("$dir/asked"), qr/If-/, 'another URL is asked plainly';
my $good = slurp("$dir/p/.City.mmdb.asked");

# What must change nothing: the name, the answer, what is said of it.
my $half = substr $second, 0, length($second) / 2;
my $zip  = zipped($second);
my @bad = (
    [ '401', [ '401 Unauthorized', 'no' ], qr/answers 401/ ],
    [ '404', [ '404 Not Found', 'no' ], qr/answers 404/ ],
    [ '500', [ '500 Oops', 'no' ], qr/answers 500/ ],
    [ 'half a file with its length', [ '200 OK', $half,
        'Content-Length: ' . length($second), 'Length: given' ],
        qr/transfer closed|partial/i ],
    [ 'half a file without', [ '200 OK', $half, 'Length: none' ],
        qr/no place database/ ],
    [ 'half a gzip', [ '200 OK', substr($zip, 0, length($zip) / 2) ],
        qr/damaged or cut off/ ],
    [ 'a flipped bit in a gzip', [ '200 OK', substr($zip, 0, 900)
        . chr(ord(substr $zip, 900, 1) ^ 8) . substr $zip, 901 ],
        qr/damaged|no place/ ],
    [ 'garbage', [ '200 OK', join '', map { chr(($_ * 7919) % 251) } 1 .. 9999 ],
        qr/no place database/ ],
    [ 'a page', [ '200 OK', '<html>sign in</html>' ], qr/no place database/ ],
    [ 'nothing', [ '200 OK', '' ], qr/nothing/ ],
    [ 'a tar without one', [ '200 OK', zipped(tarred('a/LICENSE' => 'x')) ],
        qr/no \.mmdb/ ],
    [ 'a tar cut off', [ '200 OK', zipped(substr tarred('a/x.mmdb' => $second),
        0, 2000) ], qr/damaged or cut off/ ],
    [ 'half a database in a whole tar', [ '200 OK',
        zipped(tarred('a/x.mmdb' => $half)) ], qr/no place database/ ],
    [ 'no answer', undef, qr/returned nothing/ ],
);
for my $case (@bad) {
    my ($name, $answer, $said) = @$case;
    $answer ? answers(@$answer) : write_file("$dir/answer", '');
    like download('places', $file, "url=$url/other"), $said, "$name: said";
    is slurp($file), $first, "$name: the old one stays";
    is listing("$dir/p"), '.City.mmdb.asked City.mmdb', "$name: no remains";
    is slurp("$dir/p/.City.mmdb.asked"), $good, "$name: nothing remembered";
}

answers('200 OK', zipped($second));
is download('places', $file, "url=$url/other.gz"), 'new', 'gzip: new';
is slurp($file), $second, 'unpacked';
answers('200 OK', zipped($first));
like download('places', $file, "url=$url/older"), qr/older than the one/,
  'an older one is not taken';
unlink $file;
answers('200 OK', zipped(tarred('G_1/' => '', 'G_1/LICENSE.txt' => 'x' x 700,
    'G_1/Test-City.mmdb' => $first)));
is download('places', $file, "url=$url/x.tar.gz"), 'new', 'tar.gz: new';
is slurp($file), $first, 'unpacked';
write_file($file, 'broken');
answers('200 OK', $second);
is download('places', $file, "url=$url/x.tar.gz"), 'new',
  'a broken one is replaced';
unlike slurp("$dir/asked"), qr/If-/, 'and not asked for by conditions';

# -- MaxMind's protocol --------------------------------------------------------

my @account = ("url=$url/", 'account=4711', 'key=geheim');
answers('200 OK', zipped($second), 'X-Database-MD5: ' . md5_hex($second));
unlink $file;
is download('places', $file, @account), 'new', 'with an account: new';
like slurp("$dir/asked"),
  qr{^GET /geoip/databases/Test-City/update\?db_md5=0{32} HTTP}, 'from nothing';
like slurp("$dir/asked"), qr/^Authorization: Basic NDcxMTpnZWhlaW0=\r$/m,
  'signed in';
answers('304 Not Modified', '', 'Length: none');
is download('places', $file, @account), 'same', '304: the same';
my $md5 = md5_hex($second);
like slurp("$dir/asked"), qr{\?db_md5=$md5 HTTP}, 'asked by what is there';
answers('401 Unauthorized', 'bad key');
like download('places', $file, @account), qr/license_key is not right/, "a wrong key";
answers('200 OK', zipped($second), 'X-Database-MD5: ' . md5_hex('x'));
like download('places', $file, @account), qr/another MD5/, 'another MD5';
answers('200 OK', zipped($second));
like download('places', $file, @account, 'edition=GeoLite2-City'),
  qr/it is no GeoLite2-City/, 'another edition';
is slurp($file), $second, 'the old one stays';
like download('places', "$dir/nowhere/x.mmdb", @account), qr/cannot write/,
  'no such directory';

# -- Apple's lists ---------------------------------------------------------------

mkdir "$dir/lists";
my @csv = map { "172.224.$_.0/24,GB,GB-EN,London,\n" } 0 .. 3;
push @csv, "172.225.0.0/31,DE,,,\n", "172.225.0.0/32,DE,,,\n",
  "104.28.1.5/32,FR,FR-75,\"Paris, again\",\n",
  map { "2a02:26f7:$_\::/64,NO,,,\n" } qw(2 3 9);
answers('200 OK', join('', @csv), 'ETag: W/"a"');
is download('relays', "$dir/lists", "url=$url/e.csv"), 'new', 'relays: new';
my $four = slurp("$dir/lists/apple-relay-ipv4.txt");
my $six  = slurp("$dir/lists/apple-relay-ipv6.txt");
is $four =~ s/^#.*\n//mgr, "104.28.1.5/32\n172.224.0.0/22\n172.225.0.0/31\n",
  'sorted and merged';
is $six =~ s/^#.*\n//mgr,
  "2a02:26f7:2::/64\n2a02:26f7:3::/64\n2a02:26f7:9::/64\n", 'and IPv6';
like $four, qr/^# iCloud Private Relay egress, IPv4, .*\n# Origin: http/,
  'with a head as the lists that come with Mailtrack';
answers('304 Not Modified', '', 'Length: none');
is download('relays', "$dir/lists", "url=$url/e.csv"), "same", "304: the same";
like slurp("$dir/asked"), qr/^If-None-Match: W\/"a"\r$/m, 'by ETag';
for my $case ([ 'garbage', "<html>\n", qr/line 1 is no network/ ],
    [ 'half', substr(join('', @csv), 0, 60), qr/cut off/ ],
    [ 'host bits', "1.2.3.4/24,\n", qr/line 1 is no network/ ],
    [ 'everything', "0.0.0.0/0,\n", qr/line 1 is no network/ ],
    [ 'one family', "1.2.3.0/24,\n", qr/none of IPv6/ ],
    [ 'few', "1.2.3.0/24,\n2a02::/32,\n" , undef ]) {
    my ($name, $body, $said) = @$case;
    my @more = $said ? () : map { "9.9.$_.0/25\n" } 0 .. 20;
    write_file("$dir/lists/apple-relay-ipv4.txt", $four . join '', @more);
    answers('200 OK', $body);
    like download('relays', "$dir/lists", "url=$url/e.csv"),
      $said // qr/it has 1 networks of IPv4, and 24 are there/, "$name: said";
    is slurp("$dir/lists/apple-relay-ipv4.txt"), $four . join('', @more),
      "$name: the old one stays";
    is listing("$dir/lists"),
      '.apple-relay.asked apple-relay-ipv4.txt apple-relay-ipv6.txt',
      "$name: no remains";
}

# -- the daemon -------------------------------------------------------------------

my $store = "$dir/store.db";
is +(run_command('', {}, "$build/mailtrackctl", '--store', $store, 'init'))[0],
  0, 'a store';
is system('sqlite3', $store, "INSERT INTO settings (name, value) VALUES"
      . " ('geoip_file', '$file')"), 0, 'where httpd reads its places';
write_file("$dir/probe.yaml", <<CONF, 0600);
store: {params: $store}
refresh:
  places: {url: "$url/", account_id: 4711, license_key: geheim,
           edition: Test-City}
CONF
unlink $file, "$dir/p/.City.mmdb.asked";
answers('200 OK', zipped($first), 'X-Database-MD5: ' . md5_hex($first));
sub runs_until {
    my ($what) = @_;
    my $pid = spawn("$dir/log", {}, $dir, "$build/mailprobe/mailprobe", '-f',
        '-c', "$dir/probe.yaml");
    my $done = wait_until($what, 30);
    kill 'TERM', $pid;
    is reap($pid, 20), 0, 'and it ends well';
    return $done;
}
ok runs_until(sub { (slurp("$dir/log") // "") =~ /City\.mmdb is new/ }),
  'the daemon fetches it';
is slurp($file), $first, 'to where httpd reads it';
unlink "$dir/p/.City.mmdb.asked";
write_file("$dir/log", '');
answers('401 Unauthorized', '');
ok runs_until(sub { (slurp("$dir/log") // "") =~ /not right; what is there stays/ }),
  'and says what went wrong';
unlike slurp("$dir/log"), qr/geheim/, 'without the key';

# A server that hangs holds up neither a reload nor the end.
unlink "$dir/asked", "$dir/p/.City.mmdb.asked";
write_file("$dir/answer", 'hang');
write_file("$dir/log", '');
my $pid = spawn("$dir/log", {}, $dir, "$build/mailprobe/mailprobe", '-f', '-c',
    "$dir/probe.yaml");
ok wait_until(sub { -e "$dir/asked" }, 30), 'a server that hangs is asked';
kill 'HUP', $pid;
ok wait_until(sub { slurp("$dir/log") =~ /reloaded/ }, 30), 'a reload is taken';
unlink "$dir/asked";
ok wait_until(sub { -e "$dir/asked" }, 30), 'it is asked again';
kill 'TERM', $pid;
is reap($pid, 20), 0, 'it ends well all the same';
is slurp($file), $first, 'what is there stays';
unlike slurp("$dir/log"), qr/Sanitizer/, 'no memory was used that was gone';

done_testing;
