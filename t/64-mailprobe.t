#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# The program mailprobe against a private Postfix and Dovecot: its command line,
# --check, --once, --test-channel; the daemon's start, reload and end as systemd
# sees them; heartbeat, httpd's health watched, retention. No secret is said.

use strict;
use warnings;
use Cwd ();
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::UNIX;
use Mailtrack::Hook;
use Mailtrack::Proc qw(alive reap run_command spawn wait_until);
use POSIX ();
use Socket qw(SOCK_DGRAM);
use Test::More;

my $source  = Cwd::abs_path($ENV{MAILTRACK_SOURCE} // '.');
my $build   = $ENV{MAILTRACK_BUILD} // "$source/build/test";
my $program = "$build/mailprobe/mailprobe";
my $top     = File::Temp::mkdtemp('/tmp/mt-house-XXXXXX');
my $owner   = $$;
my (%stack, %daemons, $said);
chmod 0755, $top;
delete @ENV{grep { /_proxy$/i } keys %ENV};
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);
alarm 400;

END {
    if ($$ == $owner) {
        my $status = $?;
        kill KILL => keys %daemons;
        system 'sh', "$source/t/lib/mailstack", 'stop', "$top/m" if %stack;
        system 'rm', '-rf', $top unless $ENV{MAILTRACK_KEEP};
        $? = $status;
    }
}

sub slurp {
    open my $file, '<', $_[0] or return '';
    local $/;
    return scalar(<$file>) // '';
}

sub write_file {
    my ($path, $text, $mode) = @_;
    open my $file, '>', $path or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
    chmod $mode // 0600, $path;
    return $path;
}

# Everything mailprobe ever said is looked through at the end.
sub mailprobe {
    my @got = run_command('', {}, $program, @_);
    $said .= $got[1] . $got[2];
    return @got;
}

sub sql {
    my ($query) = @_;
    my ($code, $out, $err) = run_command('', {}, 'sqlite3', '-cmd',
        '.timeout 9000', "$top/mt.db", $query);
    is $code, 0, 'sqlite3' or diag "$query: $err" if $code;
    chomp $out;
    return $out;
}

# -- the command line -----------------------------------------------------------

my ($code, $out, $err) = mailprobe('--version');
is $code, 0, '--version';
like $out, qr/^mailprobe \d+\.\d+/, 'says the release';
($code, my $help) = mailprobe('--help');
is $code, 0, '--help';
my $manual = slurp("$source/mailprobe/mailprobe.8");
my @short = $help =~ /^ +-(\w), --/mg;
my @long  = $help =~ /--([a-z][a-z-]+) {2,}/g;
cmp_ok scalar @long, '>', 6, 'options are told';
for my $option (@long) {
    like $manual, qr/^\.It Fl (?:\w , Fl )?-\Q$option\E\b/m, "mailprobe(8) has --$option";
}
my %told = map { $_ => 1 } @long, @short;
is_deeply [ grep { !$told{$_} } $manual =~ /^\.It Fl (?:(\w) , Fl )?-([\w-]+)/mg
      ? map { defined ? $_ : () } $manual =~ /^\.It Fl (?:\w , Fl )?-([\w-]+)/mg : () ],
  [], 'and no other';
for my $wrong (['--frobnicate'], ['word'], ['--once'],
    ['--check', '--once', 'x'], ['-c']) {
    is +(mailprobe(@$wrong))[0], 2, "@$wrong: wrong use";
}

# -- mistakes in the configuration -------------------------------------------------

my $bad = write_file("$top/bad.yaml", "store: {}\naccounts:\n  a:\n    imap: "
      . "{host: h, username: u, password: geheim, prot: 1}\n");
for my $how ([], ['-f'], ['--test-channel', 'x']) {
    ($code, $out, $err) = mailprobe('-c', $bad, @$how);
    is $code, 2, "a mistake: @$how";
    is $err, "mailprobe: $bad:4: accounts.a.imap.prot: unknown key; expected one of host, "
      . "port, security, username, password, ca_file, timeout, inbox, junk, authserv_id\n",
      'file, line, key';
}
($code, $out) = mailprobe('-c', $bad, '--check');
is $code, 1, '--check: a mistake';
like $out, qr/^✗ configuration: \Q$bad\E:4: accounts\.a\.imap\.prot: /, 'with a cross';
($code, $out) = mailprobe('-c', $bad, '--once', 'm');
is $code, 3, '--once: unknown';
like $out, qr/^MAILPROBE UNKNOWN - \Q$bad\E:4: [^\n]*\n\z/, 'in one line';
write_file($bad, "accounts:\n  a: {imap: {host: h, username: u, password: geheim}}\n", 0644);
like +(mailprobe('-c', $bad))[2], qr/:2: accounts\.a\.imap\.password: a secret in a file/,
  'a file that everybody may read';
like +(mailprobe('-c', "$top/none.yaml"))[2], qr/none\.yaml:0: .*expected a file/, 'no file';

# -- a mail system, a store -----------------------------------------------------------

($code, undef, $err) = run_command('', {}, 'sh', "$source/t/lib/mailstack", 'start', "$top/m", 2);
is $code, 0, 'a mail system of our own' or BAIL_OUT($err);
%stack = map { /^(\w+)=(.*)$/ ? ($1 => $2) : () } split /\n/, slurp("$top/m/env");
for my $map ([ mailbox_map => 'junk1@mail.test box1/Maildir/.Junk/' ],
    [ uid_map => 'junk1@mail.test 21001' ]) {
    open my $file, '>>', "$top/m/$map->[0]" or die;
    print {$file} "$map->[1]\n";
}
system 'postfix', '-c', "$top/m/postfix", 'reload';
my $hook = Mailtrack::Hook->new(dir => "$top/hook");

sub account {
    my ($name, $number, %more) = @_;
    my $end = "username: box$number\@mail.test, password: " . ($more{password} // "secret$number")
      . ", ca_file: $stack{ca}}";
    return "  $name:\n    from: box$number\@mail.test\n"
      . "    smtp: {host: localhost, port: $stack{smtps}, $end\n"
      . "    imap: {host: localhost, port: $stack{imaps}, $end\n";
}

sub monitor {
    my ($name, $to, $more) = @_;
    return "  $name: {recipient: $to\@mail.test, send: one, interval: 10s, retry_interval: 10s,"
      . " missing_after: 60s" . ($more // '') . "}\n";
}

my $hook_url = $hook->url('in');
my %part = (
    store    => "store: {params: $top/mt.db}\nbase_url: http://127.0.0.1:1\n",
    accounts => "accounts:\n" . account('one', 1),
    monitors => "monitors:\n" . monitor('Round', 'box1') . monitor('Junk', 'junk1')
      . monitor('Refused', 'reject'),
    channels => "channels:\n  robot: {type: webhook, url: \"$hook_url\", secret: geheimnis}\n",
    rest     => '',
);
my $conf = "$top/mailprobe.yaml";
sub configure {
    my (%new) = @_;
    write_file($conf, join '', @{ { %part, %new } }{qw(store accounts monitors channels rest)});
}
configure();

($code, $out) = mailprobe('-c', $conf, '--check');
is $code, 1, '--check without a store';
like $out, qr/^✗ store: .*mailtrackctl.* init/m, 'says what makes one';
is +(run_command('', {}, "$build/mailtrackctl", '--store', "$top/mt.db", 'init'))[0], 0, 'a store';

# -- --check --------------------------------------------------------------------------

($code, $out, $err) = mailprobe('-c', $conf, '--check');
is $code, 0, '--check: all is well' or diag $out;
is $err, '', 'nothing else is said';
is join(' ', $out =~ /^(\S+ \w+(?: \w+)?):/mg),
  '✓ configuration ✓ store ✓ monitor Round ✓ monitor Junk ✓ monitor Refused ✓ smtp one'
  . ' ✓ imap one ✓ channel robot', 'a tick each, in this order';
unlike $out, qr/^!/m, 'no warning';
is $hook->requests('in') + 0, scalar(grep { $_->{method} eq 'HEAD' } $hook->requests('in')),
  'and nobody was told anything';

configure(accounts => $part{accounts} . account('two', 2, password => 'geheim'),
    monitors => $part{monitors} . "  Elsewhere: {recipient: x\@y.example, send: one, watch: two}\n",
    channels => "channels:\n  gone: {type: webhook, url: \"http://127.0.0.1:1/geheim\"}\n"
      . "  me: {type: email, account: one, to: anna\@example.org}\n");
$hook->behave('in', '500');
($code, $out) = mailprobe('-c', $conf, '--check');
is $code, 1, '--check: something is wrong';
like $out, qr/^✗ smtp two: .*not signed in.*535/m, 'a wrong password: SMTP';
like $out, qr/^✗ imap two: .*password/m, 'IMAP';
like $out, qr/^✗ channel gone: 127\.0\.0\.1:1: /m, 'a webhook that is not there';
like $out, qr/^✓ smtp one:/m, 'the rest is tried all the same';
unlike $out, qr/^!/m, 'a channel that is down is still another way';
configure(channels => "channels:\n  me: {type: email, account: one, to: anna\@example.org}\n");
($code, $out) = mailprobe('-c', $conf, '--check');
like $out, qr/^! every channel depends on a route that is watched/m, 'the warning';
configure(channels => '');
like +(mailprobe('-c', $conf, '--check'))[1], qr/^! nobody is told/m, 'no channel at all';
configure(accounts => $part{accounts} =~ s/ca_file: [^}]*/ca_file: $hook->{dir}/rg);
like +(mailprobe('-c', $conf, '--check'))[1], qr/^✗ smtp one: .*connection/m, 'a certificate of nobody';

my ($chat, $topic) = map { $hook->url($_) } 'chat', 'topic';
configure(channels => "channels:\n  chat: {type: discord, url: \"$chat/geheim\"}\n"
      . "  topic: {type: ntfy, url: \"$topic\", token: geheim}\n");
($code, $out) = mailprobe('-c', $conf, '--check');
is $code, 0, 'Discord and ntfy are asked' or diag $out;
my ($asked) = grep { $_->{path} eq '/topic/auth' } $hook->requests;
is $asked->{method}, 'GET', 'without a message';
is_deeply [ grep { $_->{method} eq 'POST' } $hook->requests ], [], 'to nobody';
$hook->behave($_, '404') for 'chat', 'topic';
($code, $out) = mailprobe('-c', $conf, '--check');
like $out, qr/^✗ channel $_: 127\.0\.0\.1:\d+ answers 404: the URL or the token is not right/m,
  "$_ that is not there" for 'chat', 'topic';

# -- --once and --test-channel ----------------------------------------------------------

configure();
($code, $out, $err) = mailprobe('-c', $conf, '--once', 'Round');
is $code, 0, '--once: it arrives' or diag "$out$err";
my $seconds = qr/\d+\.\d{3}/;
like $out, qr/^MAILPROBE OK - Round: ok, arrived after $seconds s in INBOX \| latency=${seconds}s;;60\.000;0 submit=${seconds}s;;;0\n\z/,
  'as Nagios reads it';
($code, $out) = mailprobe('-c', $conf, '--once', 'Junk');
is $code, 1, '--once: spam is a warning';
like $out, qr/^MAILPROBE WARNING - Junk: spam, .*\| latency=/, 'and said';
($code, $out) = mailprobe('-c', $conf, '--once', 'Refused');
is $code, 2, '--once: refused is critical';
like $out, qr/^MAILPROBE CRITICAL - Refused: send-failed, .*550[^|]*\n\z/, 'with the words';
($code, $out) = mailprobe('-c', $conf, '--once', 'Nobody');
is $code, 3, '--once: no such monitor is unknown';
is sql('SELECT count(*) FROM probes'), 3, 'each is in the history';
is sql('SELECT count(*) FROM leases'), 0, 'and no lease is left';

$hook->behave('in', 'ok');
is +(mailprobe('-c', $conf, '--test-channel', 'robot'))[0], 0, '--test-channel';
ok +(grep { $_->{method} eq 'POST' } $hook->requests('in')), 'a message came';
$hook->behave('in', '403');
($code, $out, $err) = mailprobe('-c', $conf, '--test-channel', 'robot');
is $code, 1, 'one that is refused';
like $err, qr/^mailprobe: robot: .*403/, 'with the reason';
is +(mailprobe('-c', $conf, '--test-channel', 'none'))[0], 2, 'no such channel';

# -- the daemon, as systemd sees it --------------------------------------------------------

my $health_listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die;
my $health_port = $health_listen->sockport;
if (!fork) {
    while (getppid() == $owner) {
        my $ready = '';
        vec($ready, fileno $health_listen, 1) = 1;
        next if select($ready, undef, undef, 0.3) <= 0;
        my $client = $health_listen->accept or next;
        while (my $line = <$client>) { last if $line eq "\r\n" }
        my $body = slurp("$top/health");
        print {$client} "HTTP/1.1 503 Away\r\nConnection: close\r\nContent-Length: "
          . length($body) . "\r\n\r\n$body";
        close $client;
    }
    POSIX::_exit(0);
}
close $health_listen;
write_file("$top/health", '{"spool": {"lag_seconds": 312.5, "lost": 0, "last_lost_at": null},'
      . ' "geoip": {"status": "ok", "built_at": "2020-01-01T00:00:00.000000Z"}}');

my $notify = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "$top/notify") or die "notify: $!";
$notify->blocking(0);
my @notes;
sub notes {
    while (defined $notify->recv(my $note, 4096)) { push @notes, $note }
    return @notes;
}
sub noted { my ($what) = @_; return wait_until(sub { grep { /$what/ } notes() }, 20) }

my $log = "$top/log";
sub start {
    my (@how) = @_;
    my $pid = spawn($log, { NOTIFY_SOCKET => "$top/notify", WATCHDOG_USEC => 600000,
            MT_HOUSE => 'geheim' }, $top, $program, '-f', '-c', $conf, @how);
    $daemons{$pid} = 1;
    return $pid;
}
sub says {
    my ($what, $count) = @_;
    return wait_until(sub { (() = slurp($log) =~ /$what/g) >= ($count // 1) }, 30);
}
sub end {
    my ($pid) = @_;
    kill 'TERM', $pid;
    my $status = reap($pid, 20);
    delete $daemons{$pid};
    $said .= slurp($log);
    return $status;
}

my $old = (time - 30 * 86400) . '000000';
sql("INSERT INTO probes (monitor_id, token, due_at, outcome, decided_at) SELECT id, 'old', $old,"
      . " 'ok', $old FROM monitors LIMIT 1");
configure(rest => "heartbeat: {url: \"" . $hook->url('beat') . "?geheim\", every: 10s}\n"
      . "watch: {health_url: \"http://127.0.0.1:$health_port/health\"}\n");
$hook->behave('in', 'ok');
my $pid = start('-v');
ok noted(qr/^READY=1$/m), 'it is ready';
ok noted(qr/^WATCHDOG=1$/m), 'the watchdog is fed';
ok noted(qr/^STATUS=watching$/m), 'its status is told';
ok says(qr/Round: ok: arrived/, 2), 'probes go round and round';
ok says(qr/Junk: spam/), 'one lands in junk';
ok wait_until(sub { grep { $_->{path} =~ m{^/beat} } $hook->requests }, 20), 'the heart beats';
ok wait_until(sub { sql("SELECT count(*) FROM incidents WHERE kind = 'house'") >= 2 }, 20),
  'what is wrong in the house is an incident';
is sql("SELECT group_concat(subject) FROM (SELECT subject FROM incidents WHERE kind = 'house'"
      . " AND closed_at IS NULL ORDER BY subject)"), 'drain,places', 'hits that wait, old places';
ok wait_until(sub { sql("SELECT count(*) FROM probes WHERE token = 'old'") == 0 }, 30),
  'an old probe goes';
ok wait_until(sub { grep { ($_->{body} // '') =~ /not being stored/ } $hook->requests('in') }, 60),
  'and people are told of the house';

# -- reload -----------------------------------------------------------------------------------

my $count = @{[ slurp($log) =~ /Round: ok/g ]};
my $good = slurp($conf);
write_file($conf, "$good\nbogus: geheim\n");
kill 'HUP', $pid;
ok says(qr/not reloaded, the old configuration stays: \Q$conf\E:\d+: bogus: unknown key/),
  'a bad file is refused';
ok says(qr/Round: ok/, $count + 1), 'and the old one goes on';
write_file($conf, $good =~ s{mt\.db}{other.db}r);
kill 'HUP', $pid;
ok says(qr/not reloaded.*another store wants a restart/), 'another store, too';
write_file($conf, $good =~ s/  Junk: .*\n//r =~ s/interval: 10s/interval: 11s/r);
notes();    # the queue is short
@notes = ();
kill 'HUP', $pid;
ok says(qr/reloaded \Q$conf\E/), 'a good one is taken';
ok noted(qr/^RELOADING=1$/m) && noted(qr/^READY=1$/m), 'and systemd told';
ok wait_until(sub { sql("SELECT enabled FROM monitors WHERE name = 'Junk'") eq '0' }, 20),
  'what is no longer declared is off';
is sql("SELECT interval_us FROM monitors WHERE name = 'Round'"), 11000000, 'what changed has changed';
$count = @{[ slurp($log) =~ /Round: ok/g ]};
kill 'HUP', $pid for 1 .. 5;
ok says(qr/Round: ok/, $count + 1), 'it goes on through many reloads';
ok alive($pid), 'it lives';

# -- the end --------------------------------------------------------------------------------------

notes();
is end($pid), 0, 'SIGTERM ends it well' or diag slurp($log);
ok noted(qr/^STOPPING=1$/m), 'systemd was told';
is sql('SELECT count(*) FROM leases'), 0, 'its leases are given up';
is sql("SELECT count(*) FROM probes WHERE outcome = 'ok' AND latency_us IS NULL"), 0, 'nothing is half';
is sql('SELECT count(*) - count(DISTINCT token) FROM probes'), 0, 'nothing is double';

# without a store it runs, says so, and works when there is one
rename "$top/mt.db", "$top/away.db";
unlink $log;
@notes = ();
$pid = start('-v');
ok noted(qr/^READY=1$/m), 'without a store it starts';
ok says(qr/store: .*mailtrackctl/), 'and says what is missing';
ok says(qr/no heartbeat: the store/), 'and its heart stands still';
ok noted(qr/^STATUS=.*mailtrackctl/m), 'systemctl status shows it';
rename "$top/away.db", "$top/mt.db";
ok says(qr/store: works again/), 'it finds the store by itself';
ok says(qr/Round: ok/), 'and probes';
ok says(qr/the heartbeat is back/), 'and its heart beats';
is end($pid), 0, 'it ends well';

# without -f it is in the background when the command ends
unlink $log;
($code, $out, $err) = run_command('', {}, 'sh', '-c', "'$program' -c '$conf' 2>'$log'");
is $code, 0, 'into the background';
my ($daemon) = grep { (readlink("/proc/$_/exe") // '') eq Cwd::abs_path($program) && slurp("/proc/$_/cmdline") =~ /\Q$conf\E/ }
  map { m{(\d+)$} } glob '/proc/[0-9]*';
ok $daemon, 'it runs there' or BAIL_OUT('no daemon');
$daemons{$daemon} = 1;
ok says(qr/mailprobe \S+ runs/), 'its words go where they went before';
kill 'TERM', $daemon;
ok wait_until(sub { !alive($daemon) }, 20), 'it ends';
delete $daemons{$daemon};

$said .= slurp($log);
unlike $said, qr/geheim|secret1/, 'no secret was ever said';
unlike $said, qr/Sanitizer|runtime error/, 'and no sanitizer said a word';
unlike slurp("/proc/$$/cmdline") . join('', @notes), qr/geheim/, 'nor to systemd';

done_testing;
