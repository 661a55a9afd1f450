#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# Mailboxes as mailprobe watches them (t/probe/watch.c): a server that does what
# it likes, a real Dovecot, and Cyrus. What is ours is seen in inbox and junk,
# after every kind of failure; what is not ours is never touched.

use strict;
use warnings;
use Cwd        ();
use File::Path ();
use File::Temp ();
use IO::Socket::INET;
use Mailtrack::Cyrus;
use Mailtrack::Imapd;
use Mailtrack::Proc qw(alive children_of run_command wait_until);
use Mailtrack::Watcher;
use Test::More;
use Time::HiRes qw(sleep time);

my $source  = Cwd::abs_path($ENV{MAILTRACK_SOURCE} // '.');
my $build   = $ENV{MAILTRACK_BUILD} // "$source/build/test";
my $program = "$build/t/probe/watch";
my $top     = File::Temp::mkdtemp('/tmp/mt-imap-XXXXXX');
my $owner   = $$;
chmod 0755, $top;
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP);
alarm 400;

my $number = 0;
sub token { return sprintf '%032x', 0xabc000 + ++$number }

sub probe {
    my ($token, $more) = @_;
    return "Received: by test; Fri, 20 Nov 2026 10:00:00 +0000\r\n"
      . "X-Mailtrack-Probe: $token\r\nSubject: Mailtrack probe $token\r\n"
      . ($more // '') . "\r\nA probe.\r\nM5 OK NOOP done.\r\n";
}

my $report = "Content-Type: multipart/report;\r\n report-type=delivery-status;"
  . " boundary=x\r\nSubject: returned\r\n\r\n--x\r\n\r\nfailed\r\n--x--\r\n";
my $other = "Subject: not for us\r\nContent-Type: text/plain\r\n\r\nHello\r\n";

my ($code, $said) = run_command('', {}, 'make', '-s', '-C', $build,
    't/probe/watch');
is $code, 0, 'the watcher is built' or BAIL_OUT($said);

sub watch {
    my (%option) = @_;
    return Mailtrack::Watcher->new($program, host => '127.0.0.1',
        timeout => 20_000, %option);
}

# One event, with what it must have in it.
sub event {
    my ($watch, $kind, $name, %want) = @_;
    my $event = $watch->next($kind);
    ok $event, $name or return {};
    for my $key (sort keys %want) {
        my $is = $event->{$key};
        ref $want{$key} ? like $is, $want{$key}, "$name: $key"
          : is $is, $want{$key}, "$name: $key";
    }
    return $event;
}

sub is_up   { return event($_[0], 'state', $_[1] // 'it is seen', up => 1) }
sub is_down { return event($_[0], 'state', $_[1], up => 0, words => $_[2]) }

sub arrives {
    my ($watch, $token, $name, %want) = @_;
    return event($watch, 'mail', $name, token => $token, folder => 'INBOX',
        junk => 0, %want);
}

sub ends { is $_[0]->end, 0, 'it ends well' }

# -- a server that does what it likes -----------------------------------------

my $boxes = 0;
sub server { return Mailtrack::Imapd->new("$top/box" . ++$boxes, @_) }

sub login { return (port => $_[0]->port, username => 'ann', password => 'pw1') }

subtest 'a round' => sub {
    my $server = server();
    $server->deliver(probe(token()));
    $server->deliver($other) for 1 .. 20;
    my $watch = watch(login($server));
    is_up($watch);
    $watch->order('expect 1');
    $server->deliver($other);
    my $before = time();
    $server->deliver(probe(my $token = token()));
    my $mail = arrives($watch, $token, 'a probe', uid => 23, uidvalidity => 7,
        length => length((split /(?<=\r\n\r\n)/, probe($token))[0]));
    cmp_ok abs($mail->{seen_at} / 1e6 - $before), '<', 20, 'seen now';
    cmp_ok $mail->{resolution}, '>', 0, 'with a resolution';
    is $watch->next('mail', undef, 0.2), undef, 'what was there is not told';
    $server->deliver(probe(my $again = token()));
    $server->deliver(probe($again));
    arrives($watch, $again, 'twice delivered: first', uid => 24);
    arrives($watch, $again, 'twice delivered: second', uid => 25);
    $server->deliver(probe(my $spam = token()), 'Junk');
    arrives($watch, $spam, 'junk', folder => 'Junk', junk => 1, uid => 1);
    $server->deliver($report);
    arrives($watch, undef, 'a report', length => length $report);
    $server->deliver(probe('0' x 31));
    $watch->order('expect 0');
    ok wait_until(sub { $server->said =~ /IDLE\n\z/ }, 10), 'then it rests';
    $server->deliver(probe(my $late = token()));
    arrives($watch, $late, 'a late one, by IDLE', uid => 28);
    ends($watch);
    my $said = $server->said;
    unlike $said, qr/BODY\[|STORE|EXPUNGE|CLOSE|(?<!UID )FETCH|SEARCH/,
      'nothing is marked, removed or fetched for nothing';
    is_deeply [ grep { /HEADER\]|\[\]/ } $said =~ /^\S+ (UID FETCH .*)\n/mg ],
      [ map { "UID FETCH $_<0.262144>)" } '23 (UID BODY.PEEK[HEADER]',
        ('24,25 (UID BODY.PEEK[HEADER]') x ($said =~ /FETCH 24,25/),
        ('24 (UID BODY.PEEK[HEADER]', '25 (UID BODY.PEEK[HEADER]')
          x ($said !~ /FETCH 24,25/),
        '1 (UID BODY.PEEK[HEADER]', '26 (UID BODY.PEEK[]',
        '28 (UID BODY.PEEK[HEADER]' ], 'ours alone are read';
};

subtest 'removal' => sub {
    my $server = server();
    my $watch = watch(login($server));
    is_up($watch);
    $server->deliver(probe(my $token = token()));
    my $mail = arrives($watch, $token, 'a probe');
    my $kept = $server->deliver($other);
    $watch->order("remove INBOX 8 1 $token");
    $watch->order("remove INBOX 7 $kept $token");
    $watch->order('remove INBOX 7 1 ' . token());
    $watch->order("remove Elsewhere 7 1 $token");
    sleep 0.3;
    unlike $server->said, qr/STORE/, 'nothing without the right token';
    $watch->order("remove INBOX 7 1 $token");
    ok wait_until(sub { $server->said =~ /UID EXPUNGE 1\n/ }, 10), 'removed';
    like $server->said, qr/UID\ FETCH\ 1\ .*\n.*UID\ STORE\ 1
      \ \+FLAGS.SILENT\ \(\\Deleted\)\n.*UID\ EXPUNGE\ 1\n/x, 'header read, marked, removed';
    ends($watch);
    is_deeply [ $server->_uids('INBOX') ], [$kept], 'the other one is there';

    $server = server(capability => 'IMAP4rev1 IDLE');
    $watch = watch(login($server));
    is_up($watch);
    $server->deliver(probe($token));
    arrives($watch, $token, 'without UIDPLUS');
    $watch->order("remove INBOX 7 1 $token");
    ok wait_until(sub { $server->said =~ /STORE 1 / }, 10), 'marked';
    sleep 0.2;
    ends($watch);
    unlike $server->said, qr/EXPUNGE|CLOSE/, 'and left';
};

subtest 'servers that can less' => sub {
    my %less = (
        'no IDLE' => { capability => 'IMAP4rev1' },
        'an IDLE that is refused' =>
          { on => { IDLE => sub { print { $_[0] } "$_[1] BAD no\r\n" } } },
        'an IDLE that ends at once' =>
          { on => { IDLE => sub { print { $_[0] } "+ x\r\n$_[1] OK\r\n" } } },
        'no UIDNEXT' => { uidnext => 0 },
        'no SPECIAL-USE' =>
          { capability => 'IMAP4rev1 IDLE', junk => 'INBOX.Spam' },
    );
    for my $name (sort keys %less) {
        my $server = server(%{ $less{$name} });
        $server->deliver($other);
        my $watch = watch(login($server));
        is_up($watch, $name);
        $watch->order('expect 1');
        $server->deliver(probe(my $token = token()));
        arrives($watch, $token, $name);
        if ($name eq 'no SPECIAL-USE') {
            $server->deliver(probe($token), 'Junk');
            arrives($watch, $token, $name, folder => 'INBOX.Spam', junk => 1);
        }
        my $noops = () = $server->said =~ /NOOP/g;
        $watch->order('expect 0');
        sleep 0.3;
        ends($watch);
        my $idles = () = $server->said =~ /IDLE/g;
        cmp_ok $idles, '<=', 3, "$name: no storm";
    }
};

subtest 'hostile servers' => sub {
    my $select = sub {
        my ($words) = @_;
        return { SELECT => sub { print { $_[0] } $words; 1 } };
    };
    my @hostile = (
        [ 'hangs', qr/no answer to SELECT within 1 s/,
          { SELECT => sub { 1 } } ],
        [ 'hangs with its greeting',
          qr/took the connection and then did not answer for 1 s/,
          { GREETING => sub { sleep 60 } } ],
        [ 'is another protocol', qr/does not speak IMAP|did not answer/,
          { GREETING => sub { print { $_[0] } "220 hello\r\n" } } ],
        [ 'says BYE', qr/said BYE: too many/,
          $select->("* BYE too many\r\n") ],
        [ 'talks nonsense', qr/not IMAP: \x{fffd}/,
          $select->("\xff\xfe\x00\x01 garbage\r\n" x 3) ],
        [ 'sends NULs', qr/not IMAP/, $select->("\0" x 100 . "\r\n") ],
        [ 'sends a line without end', qr/a line without end/,
          $select->('* ' . 'x' x 1048576) ],
        [ 'sends a line of 1 MiB', qr/a line without end/,
          $select->('* LIST ' . '(' x 1048576 . "\r\n") ],
        [ 'announces too much', qr/a line without end/,
          $select->("* 1 FETCH (BODY[] {2147483648}\r\n") ],
        [ 'answers what nobody asked', qr/answered what was not asked/,
          $select->("M999 OK done\r\n") ],
        [ 'says nonsense a thousand times', qr/not IMAP/,
          $select->("* X ((((\r\n" x 1000) ],
        [ 'refuses the mailbox', qr/^INBOX: no such box/,
          { SELECT => sub { print { $_[0] } "$_[1] NO no such box\r\n" } } ],
        [ 'repeats the password', qr/^wrong user name or password$/,
          { LOGIN => sub { print { $_[0] } "$_[1] BAD $_[2]\r\n" } } ],
        [ 'refuses the password', qr/^wrong user name or password: NO no\.$/,
          { LOGIN => sub { print { $_[0] } "$_[1] NO no.\r\n" } } ],
        [ 'cannot tell', qr/^no login at present: NO \[UNAVAILABLE\] later$/,
          { LOGIN =>
              sub { print { $_[0] } "$_[1] NO [UNAVAILABLE] later\r\n" } } ],
    );
    # they hang side by side
    my @watches = map {
        my ($name, $words, $on) = @$_;
        my $server = server(on => $on);
        [ $name, $words, watch(login($server), timeout => 1000), $server ]
    } @hostile;
    for (@watches) {
        my ($name, $words, $watch) = @$_;
        my $state = is_down($watch, $name, $words);
        unlike $state->{words}, qr/pw1/, "$name: no secret";
    }
    ends($_->[2]) for @watches;
};

subtest 'lost and found' => sub {
    my $server = server();
    my $watch = watch(login($server));
    is_up($watch);
    ok wait_until(sub { $server->said =~ /IDLE\n\z/ }, 10), 'it rests';
    $server->stop;
    is_down($watch, 'killed while idling', qr/closed the connection/);
    my $token = token();
    my $before = time();
    $server->deliver(probe($token));
    $server->deliver(probe($token), 'Junk');
    sleep 1.2;
    $server->start;
    is_up($watch, 'it is back');
    my $mail = arrives($watch, $token, 'what came meanwhile');
    cmp_ok $mail->{resolution}, '>', 1_000_000, 'and that it may be old';
    cmp_ok $mail->{delivered_at} / 1e6, '>=', int $before, 'the server knows';
    arrives($watch, $token, 'junk as well', folder => 'Junk', junk => 1);

    $server->stop;
    is_down($watch, 'killed again', qr/closed the connection/);
    File::Path::remove_tree("$server->{dir}/INBOX",
        "$server->{dir}/INBOX.next", { keep_root => 1 });
    unlink "$server->{dir}/INBOX.next";
    $server->{validity} = 8;
    my $new = token();
    $server->deliver(probe($new));
    $watch->order("remove INBOX 7 1 $token");
    $server->start;
    is_up($watch, 'with another mailbox');
    arrives($watch, $new, 'looked through', uid => 1, uidvalidity => 8);
    ends($watch);
    unlike $server->said, qr/STORE/, 'the old order is void';
};

subtest 'review' => sub {
    my $server = server();
    my @tokens = map { token() } 1 .. 250;
    my $old = $server->deliver(probe(token()));
    utime 1_000_000_000, 1_000_000_000, "$server->{dir}/INBOX/$old";
    $server->deliver(probe($_)) for @tokens;
    $server->deliver($other) for 1 .. 50;
    $server->deliver(probe($tokens[0]), 'Junk');
    my $watch = watch(login($server));
    is_up($watch);
    $watch->order('review ' . (time() - 60 =~ s/\..*//r));
    my %seen;
    for (1 .. 251) {
        my $mail = $watch->next('mail') or last;
        $seen{"$mail->{folder} $mail->{token}"}++;
    }
    is_deeply \%seen, { "Junk $tokens[0]" => 1,
        map { ("INBOX $_" => 1) } @tokens }, 'all of them, once, junk too';
    is $watch->next('mail', undef, 0.3), undef, 'nothing older';
    ends($watch);
};

subtest 'many at once' => sub {
    my $server = server();
    my $watch = watch(login($server));
    is_up($watch);
    ok wait_until(sub { $server->said =~ /IDLE\n\z/ }, 10), 'it rests';
    $server->stop;
    $watch->next('state');
    my %wanted = map { token() => 1 } 1 .. 450;
    $server->deliver(probe($_)) for keys %wanted;
    $server->start;
    is_up($watch, 'back');
    for (1 .. 450) {
        my $mail = $watch->next('mail') or last;
        delete $wanted{ $mail->{token} } or fail "twice: $mail->{token}";
    }
    is scalar keys %wanted, 0, '450 mails, more than fit in the queue';
    ends($watch);
};

# -- Dovecot ------------------------------------------------------------------

my %at;

sub dovecot_pids {
    open my $file, '<', "$top/mail/run/master.pid" or return;
    chomp(my $master = <$file>);
    return grep {
        open my $comm, '<', "/proc/$_/comm" or next;
        <$comm> eq "imap\n"
    } children_of($master);
}

# Into a mailbox of the stack, as its delivery agent would.
my $files = 0;
sub put {
    my ($box, $text, $folder) = @_;
    my $home = "$top/mail/box/$box/Maildir";
    my ($uid, $gid) = (stat "$top/mail/box/$box")[ 4, 5 ];
    my $dir = $folder ? "$home/.$folder" : $home;
    for my $path ($home, $dir, map { "$dir/$_" } qw(tmp new cur)) {
        mkdir $path and chown $uid, $gid, $path;
    }
    my $name = sprintf '%d.M%dP%d.test', time, ++$files, $$;
    open my $file, '>:raw', "$dir/tmp/$name" or die "$dir: $!";
    print {$file} $text =~ s/\r\n/\n/gr;
    close $file;
    chown $uid, $gid, "$dir/tmp/$name";
    rename "$dir/tmp/$name", "$dir/new/$name" or die "$dir: $!";
}

sub files_of {
    my ($box, $folder) = @_;
    my $dir = "$top/mail/box/$box/Maildir" . ($folder ? "/.$folder" : '');
    return map { glob "$dir/$_/*" } qw(new cur);
}

sub dovecot {
    my ($box, %more) = @_;
    my ($n) = $box =~ /(\d+)/;
    return watch(host => 'localhost', port => $at{imaps}, security => 'tls',
        ca => $at{ca}, username => "$box\@mail.test", password => "secret$n",
        %more);
}

sub tried { return event(shift, 'tried', @_) }

sub dovecot_tries {
    tried(dovecot('box1', try => 1), 'a try', ok => 1,
        words => qr/^0 mails in INBOX, junk folder Junk$/);
    tried(dovecot('box1', try => 1, port => $at{imap}, security => 'starttls'),
        'STARTTLS', ok => 1);
    my $state = tried(dovecot('box1', try => 1, password => 'hunter2'),
        'a wrong password', ok => 0, words => qr/^wrong user name or password/);
    unlike $state->{words}, qr/hunter2/, 'is not said';
    tried(dovecot('box1', try => 1, ca => '/etc/ssl/certs/ca-certificates.crt'),
        'a wrong authority', ok => 0, words => qr/^TLS with localhost:/);
    tried(dovecot('box1', try => 1, host => '127.0.0.2'), 'nobody there',
        ok => 0, words => qr/Connection refused|TLS/);
    tried(dovecot('box1', try => 1, junk => 'Nope'), 'no such junk folder',
        ok => 0, words => qr/^Nope: /);
    tried(dovecot('box1', try => 1, inbox => "B\xc3\xbccher"),
        'no such folder', ok => 0, words => qr/^B\x{fc}cher: /);
}

sub dovecot_round {
    my $many = 50_000;
    put('box1', $other) for 1 .. $many;
    my $watch = dovecot('box1');
    is_up($watch, 'a mailbox with 50,000 mails');
    my $started = time();
    $watch->order('expect 1');
    put('box1', probe(my $token = token(), "X-Fill: " . ('y' x 900 . "\r\n ")
          x 20 . "\r\n"));
    my $mail = arrives($watch, $token, 'a probe', length => qr/^[12]\d{4}$/);
    $watch->order("remove INBOX $mail->{uidvalidity} $mail->{uid} $token");
    put('box1', probe($token), 'Junk');
    my $junk = arrives($watch, $token, 'junk', folder => 'Junk', junk => 1);
    $watch->order("remove Junk $junk->{uidvalidity} $junk->{uid} $token");
    put('box1', $report);
    arrives($watch, undef, 'a report');
    ok wait_until(sub { !files_of('box1', 'Junk') }, 10), 'junk is removed';
    $watch->order("remove INBOX $mail->{uidvalidity} 3 $token");
    sleep 0.5;
    $watch->order('expect 0');
    ends($watch);
    my @left = files_of('box1');
    is scalar @left, $many + 1, 'all others are there';
    is scalar(grep { /:2,.*[A-Z]/ } @left), 0, 'and none is marked or read';
}

sub dovecot_trouble {
    my $watch = dovecot('box2');
    is_up($watch);
    my @pids = dovecot_pids();
    ok scalar @pids, 'Dovecot serves it';
    kill KILL => @pids;
    put('box2', probe(my $token = token()));
    is_down($watch, 'killed while idling', qr/closed the connection|BYE/);
    is_up($watch, 'back');
    my $mail = arrives($watch, $token, 'what came meanwhile');

    # another mailbox in the place of the old one
    kill KILL => dovecot_pids();
    is_down($watch, 'killed again', qr/closed the connection|BYE/);
    File::Path::remove_tree("$top/mail/box/box2/Maildir");
    sleep 1.1;
    put('box2', probe(my $new = token()));
    $watch->order("remove INBOX $mail->{uidvalidity} 1 $new");
    is_up($watch, 'the mailbox was made anew');
    my $there = arrives($watch, $new, 'its mail', uid => 1);
    isnt $there->{uidvalidity}, $mail->{uidvalidity}, 'is under another name';
    put('box2', probe(my $newer = token()));
    arrives($watch, $newer, 'and goes on', uid => 2);
    is scalar(files_of('box2')), 2, 'the old order is void';

    # a server that stops answering
    $watch->end;
    $watch = dovecot('box2', timeout => 1000);
    is_up($watch);
    @pids = dovecot_pids();
    kill STOP => @pids;
    $watch->order('expect 1');
    is_down($watch, 'stopped', qr/^no answer to (?:NOOP|IDLE) within 1 s$/);
    kill CONT => @pids;
    is_up($watch, 'goes on');
    ends($watch);
}

subtest 'Dovecot' => sub {
    plan skip_all => 'a mail system needs root' if $> != 0;
    plan skip_all => 'no postfix or dovecot on this machine'
      unless -x '/usr/sbin/postfix' && -x '/usr/lib/dovecot/imap';
    my ($status, undef, $words) = run_command('', {}, 'sh',
        "$source/t/lib/mailstack", 'start', "$top/mail");
    is $status, 0, 'a mail system of our own' or return diag $words;
    open my $env, '<', "$top/mail/env" or die "env: $!";
    %at = map { /^(\w+)=(.*)$/ ? ($1 => $2) : () } <$env>;
    dovecot_tries();
    dovecot_round();
    dovecot_trouble();
};

# -- Cyrus --------------------------------------------------------------------

subtest 'Cyrus' => sub {
    my $cyrus = Mailtrack::Cyrus->new("$top/cyrus")
      or plan skip_all => "Cyrus: $Mailtrack::Cyrus::why";
    my @login = (port => $cyrus->port, username => 'ann', password => 'pw1');
    my $append = sub {
        my ($text, $box) = @_;
        open my $file, '>:raw', "$top/mail.txt" or die $!;
        print {$file} $text;
        close $file;
        my ($status, undef, $words) = run_command('', {}, 'curl', '-sS', '-T',
            "$top/mail.txt", '-u', 'ann:pw1',
            'imap://127.0.0.1:' . $cyrus->port . "/$box");
        is $status, 0, "delivered to $box" or diag $words;
    };
    tried(watch(@login, try => 1), 'a try', ok => 1,
        words => qr/^0 mails in INBOX, junk folder Junk$/);
    tried(watch(@login, try => 1, password => 'no'), 'a wrong password',
        ok => 0, words => qr/^wrong user name or password/);
    my $watch = watch(@login);
    is_up($watch);
    $watch->order('expect 1');
    $append->($other, 'INBOX');
    $append->(probe(my $token = token()), 'INBOX');
    my $mail = arrives($watch, $token, 'a probe', uid => 2);
    $append->(probe(my $spam = token()), 'Junk');
    arrives($watch, $spam, 'junk', folder => 'Junk', junk => 1);
    $watch->order("remove INBOX $mail->{uidvalidity} 1 $token");
    $watch->order("remove INBOX $mail->{uidvalidity} 2 $token");
    $watch->order('expect 0');
    $append->($report, 'INBOX');
    arrives($watch, undef, 'a report, by IDLE', uid => 3);
    ends($watch);
    $watch = watch(@login);
    is_up($watch);
    $watch->order('review ' . int(time() - 600));
    is_deeply [ sort map { $watch->next('mail')->{uid} } 1 .. 2 ], [ 1, 3 ],
      'in review: the report and junk, and the probe is removed';
    is $watch->next('mail', undef, 0.3), undef, 'nothing else';
    ends($watch);
    tried(watch(@login, try => 1), 'at the end', ok => 1,
        words => qr/^2 mails in INBOX/);
};

END {
    if (defined $owner && $$ == $owner) {
        local $?;
        run_command('', {}, 'sh', "$source/t/lib/mailstack", 'stop',
            "$top/mail") if %at;
        File::Path::remove_tree($top) if !$ENV{MAILTRACK_KEEP};
    }
}

done_testing;
