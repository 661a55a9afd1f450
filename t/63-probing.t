#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# The engine (t/probe/engine.c) against a real Postfix and Dovecot, and against
# an SMTP server that holds or drops what it is given: every fate of a probe,
# what is told and what is not, two processes, kill -9 at every step, clocks.

use strict;
use warnings;
use Cwd        ();
use File::Temp ();
use IO::Socket::INET;
use JSON::PP ();
use Mailtrack::Proc qw(alive reap run_command spawn wait_until);
use Mailtrack::Smtp;
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

my $source = Cwd::abs_path($ENV{MAILTRACK_SOURCE} // '.');
my $build  = $ENV{MAILTRACK_BUILD} // "$source/build/test";
my $top    = File::Temp::mkdtemp('/tmp/mt-probe-XXXXXX');
my $owner  = $$;
my (%stack, %engines, $door, $door_port);
chmod 0755, $top;
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);
alarm 500;

END {
    if ($$ == $owner) {
        my $status = $?;
        kill KILL => keys %engines;
        shut_door();
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
    chmod $mode, $path if $mode;
    return $path;
}

# -- a mail system ------------------------------------------------------------

sub postfix { system('postfix', '-c', "$top/m/postfix", @_) == 0 }

# Besides box1 to box3: junk1 ends in the junk folder of box1, bounce is
# accepted and then returned.
sub start_stack {
    my ($code, undef, $err) = run_command('', {}, 'sh',
        "$source/t/lib/mailstack", 'start', "$top/m", 3);
    is $code, 0, 'a mail system of our own' or BAIL_OUT($err);
    %stack = map { /^(\w+)=(.*)$/ ? ($1 => $2) : () }
      split /\n/, slurp("$top/m/env");
    for my $map ([ mailbox_map => 'junk1@mail.test box1/Maildir/.Junk/' ],
        [ uid_map => 'junk1@mail.test 21001' ]) {
        open my $file, '>>', "$top/m/$map->[0]" or die;
        print {$file} "$map->[1]\n";
        close $file;
    }
    for my $number (1 .. 3) {
        my $dir = "$top/m/box/box$number/Maildir";
        mkdir $_ or die "$_: $!" for $dir, map { "$dir/$_" } qw(cur new tmp);
        system 'chown', '-R', sprintf('%1$d:%1$d', 21000 + $number), $dir;
    }
    system 'postconf', '-c', "$top/m/postfix", '-e',
      'virtual_alias_maps=inline:{bounce@mail.test=x@elsewhere.test}';
    ok postfix('reload'), 'with its extras';
}

sub maildir {
    my ($box, $folder) = @_;
    return "$top/m/box/$box/Maildir" . ($folder ? "/.$folder" : '');
}

# Every mail in a folder: file => text.
sub mails {
    my $dir = maildir(@_);
    return map { $_ => slurp($_) } glob "$dir/new/* $dir/cur/*";
}

my $delivered = 0;
sub deliver {
    my ($box, $folder, $token, $more) = @_;
    my $dir  = maildir($box, $folder);
    my $uid  = 21000 + ($box =~ /(\d+)/)[0];
    my $name = join '.', time, $$, ++$delivered;
    my $head = ref $token ? $$token
      : "X-Mailtrack-Probe: $token\r\nSubject: Mailtrack probe $token\r\n";
    write_file("$dir/tmp/$name", ($more // '') . $head . "\r\nby hand\r\n");
    chown $uid, $uid, "$dir/tmp/$name";
    rename "$dir/tmp/$name", "$dir/new/$name" or die "$dir/new: $!";
    return $name;
}

# -- stores and engines -------------------------------------------------------

sub sql {
    my ($store, $query) = @_;
    my ($code, $out, $err) = run_command('', {}, 'sqlite3', '-cmd',
        '.timeout 9000', "$top/$store/mt.db", $query);
    is $code, 0, 'sqlite3' or diag "$query: $err" if $code;
    chomp $out;
    return $out;
}

sub edited {
    my ($store) = @_;
    sql($store, "UPDATE settings SET value = value + 1 WHERE name ="
        . " 'monitors_edition'");
}

sub server {
    my ($kind, %how) = @_;
    return '{' . join(', ', map { "$_: $how{$_}" } sort keys %how) . '}';
}

# An account of a box; what differs is given.
sub account {
    my ($name, $box, %how) = @_;
    my $number = ($box =~ /(\d+)/)[0];
    my %login = (username => "$box\@mail.test", password => "secret$number",
        host => 'localhost', ca_file => $stack{ca}, timeout => '4s');
    my %smtp = (%login, port => $stack{smtps}, security => 'tls',
        %{ $how{smtp} // {} });
    my %imap = (%login, port => $stack{imaps}, security => 'tls',
        authserv_id => '[mx.test]', %{ $how{imap} // {} });
    delete @smtp{qw(username password ca_file)} if $smtp{security} eq 'none';
    return "  $name:\n    from: $box\@mail.test\n"
      . ($how{rate} ? "    rate: $how{rate}\n" : '')
      . "    smtp: " . server(smtp => %smtp) . "\n"
      . "    imap: " . server(imap => %imap) . "\n";
}

sub fake { # an account that sends through a server of ours
    my ($name, $box, $server, %how) = @_;
    return account($name, $box, %how, smtp => { host => '127.0.0.1',
        port => $server->port, security => 'none', timeout => '20s' });
}

sub monitor {
    my ($name, %how) = @_;
    my %all = (send => 'one', interval => '10s', retry_interval => '10s',
        missing_after => '30s', %how);
    return "  $name: {" . join(', ', map { "$_: $all{$_}" } sort keys %all)
      . "}\n";
}

sub configure {
    my ($store, $accounts, $monitors) = @_;
    my $dir = "$top/$store";
    if (!-d $dir) {
        mkdir $dir;
        my ($code, undef, $err) = run_command('', {},
            "$build/mailtrackctl", '--store', "$dir/mt.db", 'init');
        is $code, 0, "store $store" or diag $err;
    }
    return write_file("$dir/mailprobe.yaml",
        "store: {driver: sqlite3, params: $dir/mt.db}\naccounts:\n$accounts"
          . "monitors:\n$monitors", 0600);
}

sub start_engine {
    my ($store, $env, @more) = @_;
    my $pid = spawn("$top/$store/log", { ASAN_OPTIONS => 'exitcode=99',
            %{ $env // {} } }, $top, "$build/t/probe/engine",
        "$top/$store/mailprobe.yaml", @more);
    $engines{$pid} = $store;
    return $pid;
}

sub end_engine {
    my ($pid, $name) = @_;
    kill TERM => $pid;
    is reap($pid, 10), 0, $name // 'it ends well'
      or diag slurp("$top/$engines{$pid}/log");
    delete $engines{$pid};
}

sub kill_engine {
    my ($pid) = @_;
    kill KILL => $pid;
    reap($pid, 10);
    delete $engines{$pid};
}

sub leases_end { sql($_[0], 'UPDATE leases SET until = 0') }

sub probe_rows { # of a monitor, newest first, as hashes
    my ($store, $monitor, $more) = @_;
    my $text = sql($store, "SELECT json_group_array(json_object("
        . join(', ', map { "'$_', p.$_" } qw(id token due_at outcome detail
            started_at sent_at seen_at decided_at latency_us resolution_us
            blind_us folder send_state send_phase send_code send_reply queue_id
            tls phases hops auth spam bounce))
        . ")) FROM (SELECT p.* FROM probes p JOIN monitors m ON"
        . " m.id = p.monitor_id WHERE m.name = '$monitor' "
        . ($more // '') . " ORDER BY p.due_at DESC) p");
    return @{ JSON::PP::decode_json($text || '[]') };
}

sub state_of {
    my ($store, $monitor) = @_;
    my @row = split /\|/, sql($store, "SELECT state, alarmed, failures, detail"
        . " FROM monitors WHERE name = '$monitor'");
    return { state => $row[0], alarmed => $row[1], failures => $row[2],
        detail => $row[3] };
}

# The newest probe with this outcome, as soon as there is one.
sub fate {
    my ($store, $monitor, $outcome, $seconds, $name) = @_;
    my $found;
    wait_until(sub {
        ($found) = grep { $_->{outcome} eq $outcome }
          probe_rows($store, $monitor);
        return $found || !sleep 0.2;
    }, $seconds);
    ($found) = () if ref $found ne 'HASH';
    ok $found, $name // "$monitor: $outcome"
      or diag map { "$_->{outcome}: $_->{detail}\n" }
      probe_rows($store, $monitor);
    return $found // {};
}

sub becomes {
    my ($store, $query, $want, $seconds, $name) = @_;
    my $got;
    ok wait_until(sub {
        $got = sql($store, $query);
        return $got eq $want || !sleep 0.2 && 0;
    }, $seconds), $name or diag "got $got, expected $want";
}

# -- every fate of a probe ----------------------------------------------------

my $drops = Mailtrack::Smtp->new;
my %later;
my $grey = Mailtrack::Smtp->new(
    rcpt => sub { $_[2] == 1 ? "450 4.2.0 greylisted\r\n" : undef });

sub fates_begin {
    configure('fates',
        account('one', 'box1')
          . account('two', 'box2',
            smtp => { port => $stack{submission}, security => 'starttls' },
            imap => { port => $stack{imap}, security => 'starttls' })
          . account('locked', 'box3', imap => { password => 'wrong' })
          . account('door', 'box3', imap => { port => $door_port })
          . fake('drops', 'box1', $drops)
          . fake('grey', 'box1', $grey),
        monitor('round', recipient => 'box1@mail.test')
          . monitor('across', recipient => 'box1@mail.test', send => 'two',
            watch => 'one')
          . monitor('back', recipient => 'box2@mail.test', watch => 'two')
          . monitor('junk', recipient => 'junk1@mail.test')
          . monitor('reject', recipient => 'reject@mail.test')
          . monitor('full', recipient => 'full@mail.test')
          . monitor('bounce', recipient => 'bounce@mail.test')
          . monitor('blind', recipient => 'box3@mail.test', watch => 'locked')
          . monitor('unseen', recipient => 'box3@mail.test', watch => 'door')
          . monitor('rare', recipient => 'box3@mail.test', watch => 'door',
            interval => '1h')
          . monitor('keep', recipient => 'box2@mail.test', watch => 'two',
            interval => '1h', keep_mail => 'true')
          . monitor('lost', recipient => 'box2@mail.test', send => 'drops',
            watch => 'two')
          . monitor('grey', recipient => 'box2@mail.test', send => 'grey',
            watch => 'two', interval => '1h', missing_after => '10m'));
    deliver('box1', '', \"Subject: not ours\r\n") for 1 .. 30;
    deliver('box1', '', 'f' x 32);
    return start_engine('fates');
}

sub arrives_well {
    my $p = fate('fates', 'round', 'ok', 20);
    is $p->{folder}, 'INBOX', 'in the inbox';
    like $p->{tls}, qr/^TLSv1/, 'over TLS';
    like $p->{queue_id}, qr/^\w{6,}$/, 'queue id';
    cmp_ok $p->{latency_us}, '>=', 0, 'latency';
    cmp_ok $p->{resolution_us}, '<', 1_000_000, 'its resolution is known';
    is_deeply [ map { $_->{name} } @{ JSON::PP::decode_json($p->{phases}) } ],
      [qw(connect tls greeting ehlo auth mail rcpt data queued)],
      'phases of the sending';
    my $hops = JSON::PP::decode_json($p->{hops});
    is $hops->[0]{protocol}, 'ESMTPSA', 'the hop, and how it came';
    $p = fate('fates', 'across', 'ok', 20, 'sent by STARTTLS');
    is_deeply [ map { $_->{name} } @{ JSON::PP::decode_json($p->{phases}) } ],
      [qw(connect greeting ehlo tls auth mail rcpt data queued)], 'really so';
    fate('fates', 'back', 'ok', 20, 'seen by STARTTLS');
    is state_of('fates', 'round')->{state}, 'ok', 'and the monitor says so';
    $p = fate('fates', 'junk', 'spam', 20);
    is $p->{folder}, 'Junk', 'in the junk folder';
    like $p->{detail}, qr/^arrived after .*, in junk \(Junk\)$/, 'in words';
}

sub refusals {
    my $p = fate('fates', 'reject', 'send-failed', 20);
    is "$p->{send_state} $p->{send_phase} $p->{send_code}",
      'permanent rcpt 550', 'refused at RCPT';
    like $p->{detail}, qr/^refused at rcpt: 550 5\.7\.1 .*policy/,
      "in the server's words";
    ($p) = grep { $_->{send_state} eq 'temporary' } probe_rows('fates', 'full');
    is $p->{outcome}, 'sending', 'a 452 is no failure yet';
    is state_of('fates', 'full')->{alarmed}, 0, 'and no alarm';
    $p = fate('fates', 'bounce', 'bounced', 30);
    my $bounce = JSON::PP::decode_json($p->{bounce} // '{}');
    is $bounce->{status}, '5.7.1', 'the status of the bounce';
    like $p->{detail}, qr/^bounced by .*nothing is sent out/, 'in words';
    becomes('fates', "SELECT alarmed FROM monitors WHERE name = 'reject'", 1,
        40, 'two refusals in a row are an alarm');
    is sql('fates', "SELECT count(*) > 0 FROM incidents i JOIN"
          . " incident_monitors im ON im.incident_id = i.id JOIN monitors m ON"
          . " m.id = im.monitor_id WHERE m.name = 'reject' AND"
          . " i.closed_at IS NULL AND i.kind = 'delivery'"), 1,
      'an incident, in the same transaction';
    cmp_ok sql('fates', "SELECT count(*) FROM outbox WHERE event = 'alarm'"),
      '>=', 1, 'and a message';
}

sub copies {
    my ($p) = grep { $_->{outcome} eq 'ok' } probe_rows('fates', 'round');
    my $before = sql('fates', "SELECT count(*) FROM probes WHERE outcome = 'ok'"
        . " AND id = $p->{id} AND latency_us = $p->{latency_us}");
    deliver('box1', '', $p->{token});
    ok wait_until(sub { !grep { /$p->{token}/ } values %{ { mails('box1') } } },
        40), 'a second copy of a delivery is removed';
    is sql('fates', "SELECT count(*) FROM probes WHERE outcome = 'ok' AND id ="
          . " $p->{id} AND latency_us = $p->{latency_us}"), 1,
      'and counted once';
    my %left = mails('box1');
    is scalar(grep { /^Subject: not ours/m } values %left), 30,
      "other people's mail is not touched";
    is scalar(grep { /f{32}/ } values %left), 1,
      'nor one with a token that is not ours';
}

sub late_ones {
    my $first = (reverse probe_rows('fates', 'lost'))[0];
    fate('fates', 'lost', 'missing', 60);
    becomes('fates', "SELECT alarmed FROM monitors WHERE name = 'lost'", 1, 60,
        'two of them are an alarm');
    is state_of('fates', 'lost')->{state}, 'missing', 'the state';
    like state_of('fates', 'lost')->{detail}, qr/^accepted as T1, then unseen/,
      'says where it stopped';
    deliver('box2', '', $first->{token});
    becomes('fates', "SELECT outcome FROM probes WHERE id = $first->{id}",
        'late', 40, 'the first arrives late: history is corrected');
    my $now = state_of('fates', 'lost');
    ok $now->{alarmed} && $now->{state} eq 'missing',
      'that is no recovery, and missing is not erased';
    ok wait_until(sub { !grep { /$first->{token}/ }
            values %{ { mails('box2') } } }, 20), 'its mail is removed';
    my $recovered = sql('fates', "SELECT count(*) FROM outbox WHERE event ="
        . " 'recovered'");
    my ($newest) = grep { $_->{outcome} eq 'sent' } probe_rows('fates', 'lost');
    my $failed_to = sql('fates', "SELECT failed_to FROM monitors WHERE name ="
        . " 'lost'");
    cmp_ok $newest->{due_at}, '>', $failed_to, 'a newer one is on its way';
    deliver('box2', '', $newest->{token});
    becomes('fates', "SELECT alarmed FROM monitors WHERE name = 'lost'", 0, 20,
        'its arrival is the recovery');
    becomes('fates', "SELECT recovered_at IS NOT NULL FROM incident_monitors im"
        . " JOIN monitors m ON m.id = im.monitor_id WHERE m.name = 'lost'", 1,
        10, 'and the incident knows');
}

sub greylisted {
    my ($p) = probe_rows('fates', 'grey');
    becomes('fates', "SELECT outcome FROM probes WHERE id = $p->{id}", 'sent',
        60, 'greylisted, tried again, accepted');
    is $grey->connections, 2, 'by the second attempt';
    is scalar(probe_rows('fates', 'grey')), 1, 'of the same probe';
    deliver('box2', '', $p->{token});
    $p = fate('fates', 'grey', 'ok', 20, 'and it arrives: no alarm');
    cmp_ok $p->{latency_us}, '<', 30_000_000, 'the waiting is no latency';
}

sub cannot_see {
    my $p = fate('fates', 'blind', 'blind', 80);
    is sql('fates', "SELECT count(*) FROM probes p JOIN monitors m ON m.id ="
          . " p.monitor_id WHERE m.name = 'blind' AND p.outcome = 'missing'"),
      0, 'a wrong password is blind, never missing';
    is sql('fates', "SELECT state FROM accounts WHERE name = 'locked'"),
      'blind', 'the account says why';
    is sql('fates', "SELECT state FROM accounts WHERE name = 'one'"), 'up',
      'others see';
}

sub restart {
    my ($pid) = @_;
    my $told = "SELECT count(*), max(id) FROM outbox";
    end_engine($pid);
    is sql('fates', 'SELECT count(*) FROM leases'), 0, 'leases are given up';
    my $before = sql('fates', $told);
    my $alarmed = sql('fates', 'SELECT count(*) FROM monitors WHERE alarmed');
    $pid = start_engine('fates');
    becomes('fates', "SELECT count(*) FROM leases WHERE name LIKE 'monitor:%'",
        13, 15, 'taken up by the next');
    sleep 3;
    is sql('fates', $told), $before, 'a restart fires nothing anew';
    is sql('fates', 'SELECT count(*) FROM monitors WHERE alarmed'), $alarmed,
      'and forgets no alarm';
    my ($p, @more) = probe_rows('fates', 'keep');
    is "$p->{outcome} " . @more, 'ok 0', 'a mail to be kept is counted once';
    is scalar(grep { /^X-Mailtrack-Probe: $p->{token}/m }
        values %{ { mails('box2') } }), 1, 'and kept';
    return $pid;
}

# -- people change their minds ------------------------------------------------

sub probe_now {
    my $count = scalar probe_rows('fates', 'grey');
    sql('fates', "UPDATE monitors SET probe_asked_at = " . int(time * 1e6)
        . " WHERE name = 'grey'");
    ok wait_until(sub { probe_rows('fates', 'grey') == $count + 1
              || !sleep 0.2 && 0 }, 10), 'a probe that was asked for is made';
    is sql('fates', "SELECT probe_asked_at IS NULL FROM monitors WHERE name ="
          . " 'grey'"), 1, 'once';
    my ($p) = probe_rows('fates', 'grey');
    becomes('fates', "SELECT outcome FROM probes WHERE id = $p->{id}", 'sent',
        20, 'it is under way');
    return $p;
}

sub edited_in_flight {
    my $p = probe_now();
    sql('fates', "UPDATE monitors SET recipient = 'box1\@mail.test',"
        . " watch_account = 'one', next_at = " . int(time * 1e6 + 36e8)
        . ", updated_at = updated_at + 1 WHERE name = 'grey'");
    edited('fates');
    sleep 1.5;
    deliver('box2', '', $p->{token});
    becomes('fates', "SELECT outcome FROM probes WHERE id = $p->{id}", 'ok', 20,
        'a route that was changed meanwhile: the old mail is known still');
    $p = probe_now();
    sql('fates', "PRAGMA foreign_keys = on; DELETE FROM monitors WHERE name ="
        . " 'grey'");
    edited('fates');
    sleep 1.5;
    deliver('box1', '', $p->{token});
    ok wait_until(sub { !grep { /$p->{token}/ } values %{ { mails('box1') } } },
        30), 'a monitor that was deleted leaves no mail behind';
    is sql('fates', "SELECT count(*) FROM probes WHERE token = '$p->{token}'"),
      0, 'and no row';
}

sub once {
    my ($name, $store) = @_;
    my ($code, $out, $err) = run_command('', { ASAN_OPTIONS => 'exitcode=99' },
        'timeout', 90, "$build/t/probe/engine",
        "$top/$store/mailprobe.yaml", 'once', $name);
    my $got = eval { JSON::PP::decode_json($out) } // {};
    return ($code, $got, $err);
}

# -- IMAP is gone -------------------------------------------------------------

# A door to the IMAP server that can be shut: connections end, others are
# refused.
sub open_door {
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        LocalPort => $door_port // 0, Listen => 20, ReuseAddr => 1)
      or die "door: $@";
    $door_port = $listener->sockport;
    $door = fork() // die "fork: $!";
    return if $door;
    setpgrp 0, 0;
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    $SIG{CHLD} = 'IGNORE';
    while (my $in = $listener->accept) {
        next if fork();
        my $out = IO::Socket::INET->new("127.0.0.1:$stack{imaps}")
          or POSIX::_exit(0);
        my $back = fork();
        my ($from, $to) = $back ? ($in, $out) : ($out, $in);
        while (sysread $from, my $bytes, 65536) {
            syswrite $to, $bytes or last;
        }
        shutdown $_, 2 for $in, $out;
        POSIX::_exit(0);
    }
    POSIX::_exit(0);
}

sub shut_door {
    kill KILL => -$door if $door;
    waitpid $door, 0 if $door;
    $door = 0;
}

my $shut_at;
sub imap_goes {
    fate('fates', 'unseen', 'ok', 20, 'seen through the door');
    shut_door();
    $shut_at = int(time * 1e6);
}

sub imap_comes {
    my $p = fate('fates', 'unseen', 'blind', 100, 'IMAP went away: blind');
    is sql('fates', "SELECT count(*) FROM probes p JOIN monitors m"
          . " ON m.id = p.monitor_id WHERE p.outcome = 'missing' AND m.name"
          . " = 'unseen'"), 0, 'and nothing is missing';
    becomes('fates', "SELECT state FROM monitors WHERE name = 'rare'", 'blind',
        70, 'a minute of that is the state of who does not probe now');
    open_door();
    becomes('fates', "SELECT outcome FROM probes WHERE id = $p->{id}", 'ok', 90,
        'sight is back: history is corrected');
    my ($now) = grep { $_->{id} == $p->{id} } probe_rows('fates', 'unseen');
    is $now->{resolution_us}, 1_000_000, "by the server's own time";
    cmp_ok $now->{latency_us}, '<', 10_000_000, 'which was quick';
    becomes('fates', "SELECT state FROM monitors WHERE name = 'unseen'", 'ok',
        60, 'and the monitor is well again');
    becomes('fates', "SELECT state FROM monitors WHERE name = 'rare'", 'ok', 30,
        'as are those whose turn was far');
    cmp_ok sql('fates', "SELECT count(*) FROM monitor_states s JOIN monitors m"
        . " ON m.id = s.monitor_id WHERE m.name = 'unseen' AND s.state ="
        . " 'blind'"), '>', 0, 'blind time is in its history';
}

# -- kill -9 at every step of a probe -----------------------------------------

my @steps = qw(greeting ehlo mail rcpt data queued sent);
my %held;
sub hold { # a server that stops at a step until told to go on
    my ($step) = @_;
    my $mark = "$top/at-$step";
    return Mailtrack::Smtp->new($step eq 'sent' ? () : ($step => sub {
        write_file($mark, '') if $_[2] == 1;
        for (1 .. 600) { last if -e "$top/go"; sleep 0.05 }
        return undef;
    }));
}

sub killed_at_every_step {
    my (%server, %pid);
    for my $step (@steps) {
        $server{$step} = hold($step);
        configure("kill-$step", account('one', 'box1')
              . fake('held', 'box1', $server{$step}, rate => 60),
            monitor('m', recipient => 'box3@mail.test', send => 'held',
                watch => 'three', interval => '1h')
              =~ s/watch: three/watch: one/r);
        $pid{$step} = start_engine("kill-$step");
    }
    for my $step (@steps) {
        ok wait_until(sub { $step ne 'sent' ? -e "$top/at-$step"
              : (probe_rows("kill-$step", 'm'))[0]
                  && (probe_rows("kill-$step", 'm'))[0]{outcome} eq 'sent' },
            40), "$step: it is there";
        kill_engine($pid{$step});
    }
    write_file("$top/go", '');
    for my $step (@steps) {
        leases_end("kill-$step");
        $pid{$step} = start_engine("kill-$step");
    }
    for my $step (@steps) {
        becomes("kill-$step", "SELECT count(*) FROM leases WHERE name LIKE"
            . " 'monitor:%' AND until > 0", 1, 20, "$step: the next takes it");
    }
    sleep 2;
    for my $step (@steps) {
        my @rows = probe_rows("kill-$step", 'm');
        is scalar @rows, 1, "$step: no second probe";
        is $server{$step}->connections, 1, "$step: and no second mail";
        deliver('box1', '', $rows[0]{token}) if $step ne 'greeting';
    }
    for my $step (grep { $_ ne 'greeting' } @steps) {
        fate("kill-$step", 'm', 'ok', 40, "$step: seen by the next");
        is sql("kill-$step", 'SELECT count(*) FROM incidents'), 0,
          "$step: no alarm";
    }
    fate('kill-greeting', 'm', 'blind', 60, 'greeting: never sent, never seen');
    is sql('kill-greeting', 'SELECT count(*) FROM incidents'), 0,
      'greeting: what nobody knows of is no alarm';
    is state_of('kill-greeting', 'm')->{failures}, 0, 'nor a failure';
    end_engine($pid{$_}) for @steps;
}

# -- several processes --------------------------------------------------------

my $two_server = Mailtrack::Smtp->new;
sub two_begin {
    configure('two', account('one', 'box1') . fake('drops', 'box1', $two_server),
        join '', map { monitor("m$_", recipient => 'box1@mail.test',
            send => 'drops', watch => 'one') } 1 .. 4);
    my $first = start_engine('two');
    becomes('two', "SELECT count(*) FROM leases WHERE name LIKE 'monitor:%'", 4,
        15, 'one process has all');
    return $first, start_engine('two');
}

sub two_share {
    becomes('two', "SELECT group_concat(n) FROM (SELECT count(*) n FROM leases"
        . " WHERE name LIKE 'monitor:%' GROUP BY owner)", '2,2', 60,
        'two share them, with what is in flight');
}

sub two_end {
    my ($first, $second) = @_;
    kill_engine($first);
    leases_end('two');
    becomes('two', "SELECT count(*) FROM leases WHERE name LIKE 'monitor:%'"
        . " AND until > 0", 4, 30, 'one is killed: the other takes them');
    becomes('two', 'SELECT min(alarmed) FROM monitors', 1, 120,
        'all fail in the end');
    end_engine($second);
    is sql('two', "SELECT count(*) FROM (SELECT monitor_id FROM"
          . " incident_monitors im JOIN incidents i ON i.id = im.incident_id"
          . " WHERE i.kind = 'delivery' GROUP BY 1 HAVING count(*) > 1)"), 0,
      'no alarm was doubled';
    cmp_ok $two_server->connections, '<=',
      sql('two', 'SELECT count(*) FROM probes'), 'and no probe was';
}

# -- quiet, and the signatures ------------------------------------------------

sub quiet_and_auth {
    my $server = Mailtrack::Smtp->new;
    configure('quiet', account('one', 'box1')
          . fake('drops', 'box1', $server),
        monitor('signed', recipient => 'box1@mail.test', send => 'drops',
            watch => 'one', interval => '1h')
          . monitor('muted', recipient => 'reject@mail.test',
            interval => '1h', failures => 1));
    my $pid = start_engine('quiet');
    becomes('quiet', "SELECT count(*) FROM incidents WHERE kind = 'delivery'",
        1, 20, 'an incident');
    my $now;
    my $told = "SELECT count(*) FROM outbox o JOIN incidents i ON i.id ="
      . " o.incident_id WHERE o.event = 'alarm' AND i.kind = 'delivery'";
    becomes('quiet', $told, 1, 5, 'that is told');
    sql('quiet', "DELETE FROM outbox; DELETE FROM incidents; UPDATE monitors"
        . " SET alarmed = 0, failures = 0, muted_until = "
        . int(time * 1e6 + 36e8) . ", probe_asked_at = " . int(time * 1e6)
        . " WHERE name = 'muted'");
    becomes('quiet', "SELECT count(*) FROM incidents WHERE kind = 'delivery'",
        1, 20, 'muted: an incident');
    is sql('quiet', $told), 0, 'and nobody is told';
    $now = int(time * 1e6);
    sql('quiet', "DELETE FROM outbox; DELETE FROM incidents; UPDATE monitors"
        . " SET alarmed = 0, failures = 0, muted_until = NULL, probe_asked_at ="
        . " $now WHERE name = 'muted'; INSERT INTO maintenance_windows"
        . " (monitor_id, note, starts_at, ends_at, created_at) VALUES (NULL,"
        . " 'work', $now - 1000000, $now + 3600000000, $now)");
    becomes('quiet', "SELECT count(*) FROM incidents WHERE kind = 'delivery'",
        1, 20, 'maintenance: an incident');
    is sql('quiet', $told), 0, 'and nobody is told';
    sql('quiet', 'DELETE FROM maintenance_windows');
    for my $verdict (qw(pass fail fail)) {
        my ($p) = grep { $_->{outcome} =~ /^sen/ }
          probe_rows('quiet', 'signed');
        deliver('box1', '', $p->{token}, "Authentication-Results: mx.test;"
            . " dmarc=$verdict header.from=mail.test\r\n"
            . "Authentication-Results: evil.test; dmarc=pass\r\n");
        becomes('quiet', "SELECT outcome FROM probes WHERE id = $p->{id}",
            'ok', 40, "arrived, DMARC: $verdict");
        is sql('quiet', "SELECT auth FROM probes WHERE id = $p->{id}"),
          '[{"method":"dmarc","result":"' . $verdict . '","domain":"mail.test",'
          . '"selector":"","reason":""}]', 'what its own server says of it';
        sql('quiet', "UPDATE monitors SET probe_asked_at = " . int(time * 1e6)
            . " WHERE name = 'signed'");
        ok wait_until(sub { grep { $_->{outcome} eq 'sent' }
                probe_rows('quiet', 'signed') }, 20), 'the next';
    }
    becomes('quiet', "SELECT count(*) FROM incidents WHERE kind = 'auth'", 1,
        10, 'pass, then fail twice: told');
    end_engine($pid);
    my ($code, $got, $err) = once('nobody', 'quiet');
    is $code, 3, 'once: no such monitor';
    is $got->{problem}, 'no such monitor', 'it says so';
}

# A process that stood still while another took over finds out, and says and
# writes nothing more.
sub stood_still {
    unlink "$top/go";
    my $server = hold('rcpt');
    unlink "$top/at-rcpt";
    configure('still', account('one', 'box1') . fake('held', 'box1', $server),
        monitor('m', recipient => 'box1@mail.test', send => 'held',
            watch => 'one', interval => '1h'));
    my $first = start_engine('still');
    ok wait_until(sub { -e "$top/at-rcpt" }, 30), 'it sends';
    kill STOP => $first;
    leases_end('still');
    my $second = start_engine('still');
    becomes('still', "SELECT count(*) FROM leases WHERE name LIKE 'monitor:%'"
        . ' AND until > 0', 1, 20, 'another takes the monitor over');
    write_file("$top/go", '');
    kill CONT => $first;
    ok wait_until(sub { grep { / \.$/ } $server->said }, 20),
      'the first sends its mail';
    my ($p) = probe_rows('still', 'm');
    deliver('box1', '', $p->{token});
    fate('still', 'm', 'ok', 20, 'the second sees it');
    is $server->connections, 1, 'one mail';
    is scalar(probe_rows('still', 'm')), 1, 'one probe';
    end_engine($_) for $first, $second;
}

# The store is locked for longer than a lease lasts.
my ($away, $away_lock, $away_probe);
sub store_goes {
    my $server = Mailtrack::Smtp->new;
    configure('away', account('one', 'box1') . fake('drops', 'box1', $server),
        monitor('m', recipient => 'box1@mail.test', send => 'drops',
            watch => 'one', missing_after => '5m'));
    $away = start_engine('away');
    $away_probe = fate('away', 'm', 'sent', 30, 'a probe is under way');
    my $script = write_file("$top/lock.sql", ".timeout 9000\nBEGIN IMMEDIATE;\n"
          . ".shell sleep 36\nCOMMIT;\n");
    $away_lock = spawn("$top/away/lock.log", {}, $top, 'sh', '-c',
        "exec sqlite3 $top/away/mt.db <$script");
    sleep 1;
    deliver('box1', '', $away_probe->{token});
    return $server;
}

sub store_comes {
    reap($away_lock, 60);
    becomes('away', "SELECT outcome FROM probes WHERE id = $away_probe->{id}",
        'ok', 30, 'the store is back: what was in flight is not lost');
    my ($now) = grep { $_->{id} == $away_probe->{id} } probe_rows('away', 'm');
    cmp_ok $now->{latency_us}, '<', 20e6, 'nor is its time';
    cmp_ok scalar(split /\n/, slurp("$top/away/log")), '<', 60,
      'and it was not talked about much';
    my $newest = sql('away', 'SELECT max(id) FROM probes');
    ok wait_until(sub { sql('away', 'SELECT max(id) FROM probes') > $newest
              || !sleep 0.3 && 0 }, 30), 'it goes on';
    end_engine($away);
}

# Three are due at once by an account that may send six a minute.
my $slow;
sub rate_begins {
    my ($server) = @_;
    configure('rate', fake('slow', 'box1', $server, rate => 6),
        join '', map { monitor("m$_", recipient => 'box1@mail.test',
            send => 'slow', watch => 'slow', interval => '1h',
            missing_after => '10m') } 1 .. 3);
    $slow = start_engine('rate');
}

sub rate_ends {
    becomes('rate', "SELECT count(*) FROM probes WHERE outcome = 'sent'", 3, 60,
        'all are sent');
    cmp_ok sql('rate', 'SELECT max(due_at) - min(due_at) FROM probes'), '>=',
      19.9e6, 'ten seconds apart';
    end_engine($slow);
}

# -- clocks ------------------------------------------------------------------

# The wall clock of an engine, set while it runs; its other clock goes on. In
# place: the file is mapped.
sub set_clock {
    open my $file, -e "$top/offset" ? '+<' : '>', "$top/offset" or die;
    syswrite $file, pack 'q', $_[0];
}

sub clocks_jump {
    my ($asan) = map { m{=> (/\S*libasan\S*)} } qx{ldd $build/t/probe/engine};
    my ($cc, undef, $said) = run_command('', {}, $ENV{CC} // 'cc', '-shared',
        '-fPIC', '-O1', '-o', "$top/clock.so", "$source/t/preload/clock.c");
    is $cc, 0, 'another clock' or diag $said;
    my $server = Mailtrack::Smtp->new;
    my %plain = (imap => { port => $stack{imap}, security => 'none',
        host => '127.0.0.1' });
    configure('clock', fake('one', 'box1', $server, %plain),
        monitor('m', recipient => 'box1@mail.test'));
    set_clock(0);
    my $pid = start_engine('clock', { CLOCK_FILE => "$top/offset",
        LD_PRELOAD => join ' ', $asan // (), "$top/clock.so" });
    for my $jump ([ 86_400e6, 'a day ahead' ], [ 0, 'and back' ]) {
        my $p;
        ok wait_until(sub { ($p) = grep { $_->{outcome} eq 'sent' }
                probe_rows('clock', 'm'); $p || !sleep 0.2 && 0 }, 40),
          'one is under way';
        set_clock($jump->[0]);
        my $count = scalar probe_rows('clock', 'm');
        sleep 4;
        is sql('clock', "SELECT outcome FROM probes WHERE id = $p->{id}"),
          'sent', "$jump->[1]: it is waited for still";
        cmp_ok scalar(probe_rows('clock', 'm')), '<=', $count + 1,
          'no burst of probes';
        deliver('box1', '', $p->{token});
        becomes('clock', "SELECT outcome FROM probes WHERE id = $p->{id}", 'ok',
            20, 'it arrives');
        cmp_ok sql('clock', "SELECT latency_us FROM probes WHERE id = $p->{id}"),
          '<', 60e6, 'its latency knows nothing of the jump';
        my $before = sql('clock', 'SELECT max(id) FROM probes');
        my $next;
        ok wait_until(sub { ($next) = grep { $_->{id} > $before
                  && $_->{outcome} eq 'sent' } probe_rows('clock', 'm');
                $next || !sleep 0.2 && 0 }, 40), 'the next goes out';
        deliver('box1', '', $next->{token});
        becomes('clock', "SELECT decided_to FROM monitors",
            $next->{due_at}, 20, 'and counts');
        cmp_ok abs($next->{due_at} - $jump->[0] - time * 1e6), '<', 3600e6,
          'by the new time';
    }
    is sql('clock', "SELECT count(*) FROM incidents WHERE kind = 'delivery'"),
      0, 'nobody was told anything';
    end_engine($pid);
}

# -- the story ----------------------------------------------------------------

my ($code, $said) = run_command('', {}, 'make', '-s', '-C', $build,
    't/probe/engine', 'mailtrackctl');
is $code, 0, 'the engine is built' or BAIL_OUT($said);
start_stack();
open_door();
my $engine = fates_begin();
my @two = two_begin();
my $shared = store_goes();
rate_begins($shared);
arrives_well();
imap_goes();
refusals();
copies();
two_share();
killed_at_every_step();
stood_still();
quiet_and_auth();
rate_ends();
late_ones();
greylisted();
cannot_see();
imap_comes();
store_comes();
$engine = restart($engine);
edited_in_flight();
my ($once, $got, $err) = once('round', 'fates');
is $once, 0, 'once, while another process has the monitor' or diag $err;
is $got->{outcome}, 'ok', 'it is asked, and answers';
end_engine($engine);
($once, $got, $err) = once('round', 'fates');
is $got->{outcome}, 'ok', 'once, by oneself' or diag $err;
two_end(@two);
clocks_jump();
done_testing;
