#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# Mails on their way out, as mailprobe sends them (t/probe/send.c): against a
# real Postfix with TLS and passwords, against one other MTA of Debian, and
# against a server that fails in every way. The loop never stands still for any
# of them, nothing is sent twice, and no secret is said.

use strict;
use warnings;
use Cwd        ();
use File::Temp ();
use JSON::PP   ();
use Mailtrack::Proc qw(run_command wait_until);
use Mailtrack::Smtp;
use MIME::Base64 qw(encode_base64);
use Test::More;

my $source = Cwd::abs_path($ENV{MAILTRACK_SOURCE} // '.');
my $build  = $ENV{MAILTRACK_BUILD} // "$source/build/test";
my $sender = "$build/t/probe/send";
my $dir    = File::Temp->newdir('mailtrack-smtp-XXXXXX', TMPDIR => 1);

# The results of a run; its last line (cpu, ...) is kept in $last.
my ($last, $output);
sub deliver {
    my ($port, $security, $to, %more) = @_;
    my $host = delete $more{host} // '127.0.0.1';
    my @command = ('timeout', 60, $sender, $host, $port, $security, $to,
        map { "$_=$more{$_}" } sort keys %more);
    my ($code, $out, $err) = run_command('', {}, @command);
    $output = "$out$err";
    is $code, 0, "sent to $to" or diag $err;
    my @lines = map { JSON::PP::decode_json($_) } split /\n/, $out;
    $last = pop @lines if @lines && exists $lines[-1]{cpu_us};
    return @lines;
}

# One mail, and what must be in its result.
sub result {
    my ($name, $want, @how) = @_;
    my ($got) = deliver(@how);
    for my $key (sort keys %$want) {
        my $value = $got->{$key} // '';
        ref $want->{$key} ? like $value, $want->{$key}, "$name: $key"
          : is $value, $want->{$key}, "$name: $key";
    }
    return $got;
}

sub phases { return join ' ', map { $_->{name} } @{ $_[0]{timing} } }

# -- Postfix ------------------------------------------------------------------

my %stack;
sub start_stack {
    my ($code, undef, $err) =
      run_command('', {}, 'sh', "$source/t/lib/mailstack", 'start', $dir, 2);
    return 0 if !is $code, 0, 'a mail system of our own' or $code && diag $err;
    open my $env, '<', "$dir/env" or die "env: $!";
    %stack = map { /^(\w+)=(.*)$/ ? ($1 => $2) : () } <$env>;
    return 1;
}
my ($owner, $exim) = $$;
END {
    if ($owner && $$ == $owner && %stack) {
        local $?;
        system 'sh', "$source/t/lib/exim", 'stop', "$dir/exim" if $exim;
        system 'sh', "$source/t/lib/mailstack", 'stop', $dir;
    }
}

sub postfix {
    my %login = (user => 'box1@mail.test', pass => 'secret1', ca => $stack{ca});
    my $box = 'box2@mail.test';
    my $got = result('smtps', { state => 'accepted', phase => '', code => 250,
        queue_id => qr/^[0-9A-F]{6,}$/, tls => qr/^TLSv1\.[23] \w/,
        cert_until => qr/^[1-9]\d{15}$/, accepted_at => qr/^[1-9]\d{15}$/ },
        $stack{smtps}, 'tls', $box, %login);
    is phases($got), 'connect tls greeting ehlo auth mail rcpt data queued',
      'every phase is timed';
    cmp_ok $got->{data_at}, '<=', $got->{accepted_at}, 'handed over, accepted';
    cmp_ok $got->{started_at}, '<', $got->{data_at}, 'after the start';
    ok !(grep { $_->{us} < 0 } @{ $got->{timing} }), 'no time is negative';
    ok wait_until(sub { my @mail = glob "$dir/box/box2/Maildir/new/*";
            @mail && slurp($mail[0]) =~ /^Subject: Mailtrack probe$/m }, 20),
      'it arrives';

    $got = result('STARTTLS', { state => 'accepted', tls => qr/^TLS/ },
        $stack{submission}, 'starttls', $box, %login, hello => 'probe.test');
    is phases($got), 'connect greeting ehlo tls auth mail rcpt data queued',
      'in its own order';
    my $farewell = 'ehlo=2 starttls=1 auth=1 mail=1 rcpt=1 data=1 quit=1';
    ok wait_until(sub { slurp("$dir/log/postfix.log") =~ /$farewell/ }, 10),
      'and says QUIT';
    result('opportunistic', { state => 'accepted', tls => qr/^TLS/ },
        $stack{smtp}, 'opportunistic', $box, ca => $stack{ca});
    result('plain', { state => 'accepted', tls => '', cert_until => 0 },
        $stack{smtp}, 'none', $box);
    result('a try', { state => 'accepted', queue_id => '', data_at => 0 },
        $stack{smtps}, 'tls', $box, %login, try => 1);

    my %refusals = (grey => [ 450, 'temporary' ], full => [ 452, 'temporary' ],
        defer => [ 421, 'temporary' ], reject => [ 550, 'permanent' ],
        spam => [ 554, 'permanent' ], nobody => [ 550, 'permanent' ]);
    for my $name (sort keys %refusals) {
        my ($code, $state) = @{ $refusals{$name} };
        result($name, { state => $state, phase => 'rcpt', code => $code,
            reply => qr/^$code [45]\.\d\.\d <$name\@/, data_at => 0 },
            $stack{submission}, 'starttls', "$name\@mail.test", %login);
    }

    result('wrong password', { state => 'auth', phase => 'auth', code => 535 },
        $stack{smtps}, 'tls', $box, %login, pass => 'not-the-password');
    unlike $output, qr/not-the-password/, 'which is not repeated';
    result('a password, and no AUTH', { state => 'auth', phase => 'auth',
        reply => qr/AUTH/, data_at => 0 }, $stack{smtp}, 'none', $box, %login);
    result('no password', { state => 'permanent', phase => qr/mail|rcpt/ },
        $stack{smtps}, 'tls', $box, ca => $stack{ca});
    other_ca();
    result('wrong CA', { state => 'tls', phase => 'tls', code => 0,
        reply => qr/certificate/i }, $stack{smtps}, 'tls', $box,
        %login, ca => "$dir/other.pem");
    result('the CA of the system', { state => 'tls', phase => 'tls' },
        $stack{smtps}, 'tls', $box, user => 'box1@mail.test', pass => 'x');
    result('no CA file', { state => 'tls', reply => qr/CA|certificate/i },
        $stack{smtps}, 'tls', $box, %login, ca => "$dir/none.pem");
    result('wrong CA by STARTTLS', { state => 'tls', phase => 'tls' },
        $stack{submission}, 'starttls', $box, %login, ca => "$dir/other.pem");
    result('expired', { state => 'tls', phase => 'tls',
        reply => qr/expired/ }, $stack{expired}, 'tls', $box, %login);
    result('TLS where none is', { state => 'tls', phase => 'tls' },
        $stack{smtp}, 'tls', $box, %login);
    result('no TLS where it is', { state => 'timeout', phase => 'greeting' },
        $stack{smtps}, 'none', $box, timeout => 500);

    my @mails = deliver($stack{smtps}, 'tls', $box, %login, mails => 5,
        fresh => 0);
    is_deeply [ map { $_->{state} } @mails ], [ ('accepted') x 5 ],
      'five alerts';
    is phases($mails[4]), 'mail rcpt data queued', 'on one connection';
    @mails = deliver($stack{smtps}, 'tls', $box, %login, mails => 2);
    is phases($mails[1]), 'connect tls greeting ehlo auth mail rcpt data'
      . ' queued', 'probes have one each';
    result('a big one', { state => 'accepted' }, $stack{smtps}, 'tls', $box,
        %login, size => 3_000_000);
}

# Another authority, that has signed nothing here.
sub other_ca {
    my ($code, undef, $err) = run_command('', {}, 'openssl', 'req', '-x509',
      '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', "$dir/other.key",
      '-out', "$dir/other.pem", '-days', 2, '-subj', '/CN=other',
      '-batch');
    is $code, 0, 'another authority' or diag $err;
}

sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or return '';
    local $/;
    return scalar(<$file>) // '';
}

# -- a server that fails in every way ---------------------------------------

my $to = 'someone@bad.test';
my @quick = (timeout => 400);

sub bad {
    my ($name, $how, $want, @more) = @_;
    my $server = Mailtrack::Smtp->new(%$how);
    my %want = ref $want ? %$want
      : (split /[ =]/, $want);
    my ($security, @rest) = @more && $more[0] =~ /^(?:tls|starttls|none)$/
      ? @more : ('none', @more);
    my $got = result($name, \%want, $server->port, $security, $to, @rest);
    return ($server, $got);
}

sub silence {
    for my $phase (qw(greeting ehlo mail rcpt data)) {
        my $at = $phase eq 'greeting' ? qr/connect|greeting/ : $phase;
        bad("silence at $phase", { $phase => \&hang },
            { state => 'timeout', phase => $at, code => qr/\d/ }, @quick);
        bad("gone at $phase", { $phase => \&shut },
            { state => 'unreachable', phase => $at, data_at => 0 });
        bad("reset at $phase", { $phase => \&reset_it },
            { state => 'unreachable', phase => $at, data_at => 0 });
        bad("drops at $phase", { $phase => drip("250-slow\r\n" x 50) },
            { state => 'timeout', phase => $at }, @quick);
    }
    bad('silence where TLS should be', { greeting => \&hang },
        { state => 'timeout', phase => 'tls' }, 'tls', @quick);
    for my $how ([ silence => \&hang, 'timeout' ], [ gone => \&shut, 'unreachable' ],
        [ nonsense => "220 go on\r\n250 not TLS\r\n", 'tls' ]) {
        bad("$how->[0] after STARTTLS",
            { ehlo => "250-x\r\n250 STARTTLS\r\n", starttls => $how->[1] },
            { state => $how->[2], phase => 'tls' }, 'starttls', @quick);
    }
    my ($server) = bad('STARTTLS stripped', {}, { state => 'tls',
        phase => 'tls', reply => qr/STARTTLS/ }, 'starttls', user => 'u',
        pass => 'geheim!');
    ok !(grep { /AUTH|MAIL/ } $server->said), 'and nothing more is said';
    bad('STARTTLS refused', { ehlo => "250-x\r\n250 STARTTLS\r\n",
        starttls => "454 4.7.0 no TLS now\r\n" }, { state => qr/temporary|tls/,
        phase => 'tls', code => 454 }, 'starttls');
}

sub verdicts {
    for my $how ([ hang => \&hang ], [ shut => \&shut ],
        [ reset => \&reset_it ],
        [ 'half a verdict' => sub { syswrite $_[0], "250-2.0.0 Ok"; shut(@_) } ],
        [ 'another 354' => "354 still\r\n" ], [ nonsense => "hello\r\n" ]) {
        my ($server, $got) = bad("$how->[0] after the mail",
            { queued => $how->[1] }, { state => 'unknown', phase => 'queued',
                data_at => qr/^[1-9]/, accepted_at => 0, queue_id => '' },
            timeout => 100);
        is $server->connections, 1, 'never sent again';
    }
    bad('354, and reset', { data => sub { syswrite $_[0], "354 go\r\n";
            select undef, undef, undef, 0.1; reset_it(@_) } },
        { state => qr/^(?:unknown|unreachable)$/, phase => 'queued' });
    bad('354, and it takes no more', { data => sub {
            syswrite $_[0], "354 go\r\n"; sleep 60; shut(@_) } },
        { state => 'timeout', phase => 'queued', data_at => 0 },
        size => 20_000_000, timeout => 100);
    bad('refused after the mail', { queued => "554 5.7.1 spam\r\n" },
        { state => 'permanent', phase => 'queued', code => 554 });
    bad('not now after the mail', { queued => "451 4.7.1 greylisted\r\n" },
        { state => 'temporary', phase => 'queued', code => 451 });
    bad('a verdict in pieces', { queued =>
              "250-2.0.0 one\r\n250-\r\n250 2.0.0 Ok: queued as ZZ9\r\n" },
        { state => 'accepted', queue_id => 'ZZ9',
          reply => '250 2.0.0 one 2.0.0 Ok: queued as ZZ9' });
    bad('DATA refused', { data => "503 5.5.1 no\r\n" },
        { state => 'permanent', phase => 'data', code => 503 });
    bad('DATA taken with 250', { data => "250 sure\r\n" },
        { state => 'unreachable', phase => 'data' });
    bad('MAIL refused', { mail => "451 4.3.0 disk\r\n" },
        { state => 'temporary', phase => 'mail', code => 451 });
    bad('EHLO refused', { ehlo => "550 5.7.1 not you\r\n" },
        { state => 'permanent', phase => 'ehlo', code => 550 });
    for my $greeting ([ 421, 'temporary' ], [ 554, 'permanent' ]) {
        bad("$greeting->[0] as greeting",
            { greeting => "$greeting->[0] 4.3.2 go away\r\n" },
            { state => $greeting->[1], phase => 'greeting',
              code => $greeting->[0], reply => "$greeting->[0] 4.3.2 go away" });
    }
}

sub noise {
    my $long = 'w' x 100_000;
    for my $phase (qw(greeting ehlo mail rcpt queued)) {
        bad("long lines at $phase", { $phase => "250 $long\r\n" },
            { state => qr/^(?:accepted|unreachable|unknown|timeout)$/ },
            timeout => 300);
        bad("a reply without end at $phase",
            { $phase => sub { 1 while syswrite $_[0], "250-x\r\n" x 1000; '' } },
            { state => $phase eq 'queued' ? 'unknown' : 'unreachable' },
            timeout => 2000);
        bad("NULs at $phase", { $phase => ($phase eq 'greeting' ? 220 : 250)
              . " a\0b\xff\0\x1b[2J\r\n" }, { state => qr/./ }, @quick);
        unlike $output, qr/\e|\xff|\\u0000/, 'are not passed on';
    }
    bad('another protocol', { greeting => "SSH-2.0-OpenSSH_9.2\r\n" },
        { state => 'unreachable', phase => 'greeting', reply => qr/SSH/ },
        @quick);
    bad('two replies at once', { mail => "250 ok\r\n250 ok\r\n" },
        { state => qr/./ }, @quick);
    bad('all well', {}, { state => 'accepted', queue_id => 'T1' });
    my $port = do { Mailtrack::Smtp->new->port };
    result('refused', { state => 'unreachable', phase => 'connect', code => 0,
        reply => qr/connect/i }, $port, 'none', $to);
    result('no such host', { state => 'unreachable', phase => 'connect' },
        25, 'tls', $to, host => 'nowhere.invalid');
    result('not this machine, without TLS', { state => qr/tls|unreachable/,
        reply => qr/this machine/ }, 25, 'none', $to, host => '192.0.2.1');
}

sub secrets {
    my $auth = "250-x\r\n250 AUTH PLAIN LOGIN\r\n";
    my @login = (user => 'ann', pass => 'pa55-word-1');
    my $plain = encode_base64("\0ann\0pa55-word-1", '');
    bad('a server that repeats the password', { ehlo => $auth,
        auth => sub { "535 5.7.8 no: pa55-word-1, $_[1]" } },
        { state => 'auth', phase => 'auth', reply => qr/^535.*\*\*\*/ }, @login);
    unlike $output, qr/pa55|\Q$plain\E/, 'is not repeated by us';
    my ($server, $got) = bad('AUTH', { ehlo => $auth },
        { state => 'accepted' }, @login);
    like join("\n", $server->said), qr/AUTH PLAIN \Q$plain\E/, 'is had';
    ($server) = bad('AUTH not offered', {}, { state => 'auth',
        phase => 'auth', code => 0, data_at => 0 }, @login);
    ok !(grep { /MAIL|$plain/ } $server->said), 'then nothing is sent';
    bad('AUTH not now', { ehlo => $auth, auth => "454 4.7.0 later\r\n" },
        { state => 'temporary', phase => 'auth', code => 454 }, @login);
    bad('silence at AUTH', { ehlo => $auth, auth => \&hang },
        { state => 'timeout', phase => 'auth' }, @login, @quick);
}

sub addresses {
    my $server = Mailtrack::Smtp->new;
    for my $bad ("a\@b>\r\nDATA", 'a b@c', "a\n\@b", 'nobody', '<a@b>') {
        my ($got) = deliver($server->port, 'none', $bad);
        is $got->{state}, 'refused', 'no address of SMTP';
    }
    is $server->connections, 0, 'nobody was bothered with them';
    bad('not ASCII', {}, { state => 'permanent', reply => qr/SMTPUTF8/ },
        from => "\xc3\xa4\@bad.test");
    ($server) = bad('not ASCII, but offered',
        { ehlo => "250-x\r\n250 SMTPUTF8\r\n" }, { state => 'accepted' },
        from => "\xc3\xa4\@bad.test");
    ok +(grep { /^1 MAIL FROM:<\xc3\xa4\@bad\.test> SMTPUTF8$/ }
          $server->said), 'said so';
}

# -- the loop goes on ---------------------------------------------------------

# Each of these can only end when all the mails are under way at once.
sub together_at {
    my ($phase) = @_;
    my $meet = File::Temp->newdir;
    my $server = Mailtrack::Smtp->new($phase => together("$meet", 8));
    my @mails = deliver($server->port, 'none', $to, mails => 8, at_once => 1,
        timeout => 20_000);
    is_deeply [ map { $_->{state} } @mails ], [ ('accepted') x 8 ],
      "eight mails wait at $phase, and none for another";
}

sub connections_kept {
    my $server = Mailtrack::Smtp->new(quit => \&hang);
    my @mails = deliver($server->port, 'none', $to, mails => 3);
    is_deeply [ map { $_->{state} } @mails ], [ ('accepted') x 3 ],
      'nobody waits for the answer to QUIT';
    is +(grep { /QUIT/ } $server->said), 3, 'which is said';

    for my $how ([ 'goes while it rests', undef ],
        [ 'says 421 to the second mail', "421 4.4.2 idle too long\r\n" ],
        [ 'goes at the second mail', \&shut ],
        [ 'resets at the second mail', \&reset_it ]) {
        my ($name, $what) = @$how;
        my %mails;
        my $second = sub {
            my ($s, $line, $number) = @_;
            return undef if $number > 1 || !$mails{$number}++;
            return ref $what ? $what->($s) : $what;
        };
        $server = Mailtrack::Smtp->new($what ? (mail => $second)
            : (queued => sub { syswrite $_[0], "250 Ok\r\n"; shut(@_) }));
        @mails = deliver($server->port, 'none', $to, mails => 2, fresh => 0,
            pause => 100);
        is_deeply [ map { $_->{state} } @mails ], [ ('accepted') x 2 ],
          "a server that $name: the mail goes over a new connection";
        is $server->connections, 2, 'there are two';
    }
    my %mails;
    $server = Mailtrack::Smtp->new(mail => sub {
        $mails{ $_[2] }++ ? "550 5.7.1 enough\r\n" : undef });
    @mails = deliver($server->port, 'none', $to, mails => 2, fresh => 0);
    is_deeply [ map { $_->{state} } @mails ], [qw(accepted permanent)],
      'a refusal is one, also on a used connection';
    is $server->connections, 1, 'and not asked for twice';
}

# -- another MTA --------------------------------------------------------------

sub exim {
    my ($code, undef, $err) = run_command('', {}, 'sh', "$source/t/lib/exim",
        'start', "$dir/exim", "$build/exim", "$dir/ca/server.pem",
        "$dir/ca/server.key");
    $exim = 1;
    SKIP: {
        skip "the packages of Exim cannot be had: $err", 1 if $code == 3;
        is $code, 0, 'Exim' or do { diag $err; return };
        my $port = slurp("$dir/exim/port") + 0;
        my @with = ($port, 'starttls', 'box@mail.test', user => 'ann',
            pass => 'secret', ca => $stack{ca}, from => 'ann@mail.test');
        my $got = result('Exim', { state => 'accepted', tls => qr/^TLS/,
            reply => qr/^250 OK id=/, queue_id => qr/^\w{6}-\w+-\w+$/ }, @with);
        is phases($got),
          'connect greeting ehlo tls auth mail rcpt data queued', 'its phases';
        ok wait_until(sub { () = glob "$dir/exim/box/new/*" }, 20), 'arrives';
        my @mails = deliver(@with, mails => 3, fresh => 0);
        is_deeply [ map { $_->{state} } @mails ], [ ('accepted') x 3 ],
          'three on one connection';
        is phases($mails[2]), 'mail rcpt data queued', 'are';
        $with[2] = 'grey@mail.test';
        result('Exim, greylisting', { state => 'temporary', phase => 'rcpt',
            code => 451 }, @with);
        $with[2] = 'box@elsewhere.test';
        result('Exim, relaying', { state => 'permanent', phase => 'rcpt',
            code => 550, reply => '550 not here' }, @with);
        $with[6] = 'wrong';
        result('Exim, wrong password', { state => 'auth', phase => 'auth',
            code => 535 }, @with);
    }
}

if (start_stack()) {
    postfix();
    exim();
}
silence();
verdicts();
noise();
secrets();
addresses();
together_at($_) for qw(greeting ehlo mail rcpt queued);
connections_kept();

done_testing;
