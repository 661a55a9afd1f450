#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# Signing in: passwords, codes, sessions, who may what, and what keeps strangers
# out: over plain http, from other sites, by trying, by what logs would tell.
#
# Three servers on one store: `near` on plain-http loopback (and, in a vhost of
# its own, with TLS), `far` behind a proxy that ends TLS, with four children,
# `trust` with mod_auth_basic in front.

use Mailtrack::Test;
use List::Util ();
use MIME::Base64 ();
use POSIX ();
use Time::HiRes qw(sleep time);

my $tls_port = Mailtrack::Test::free_port();
my $proxy = "RemoteIPHeader X-Forwarded-For\nRemoteIPInternalProxy 127.0.0.1\n";
my $logs = 'CustomLog @DIR@/log/access "%a %u %r %s %{User-Agent}i"' . "\n"
  . "LogLevel debug\n";
my $near = Mailtrack::Test->new(modules => ['ssl'], start => 0,
    config => "$proxy$logs" . "MailtrackSessionLifetime 1h 2h\n");
my ($exit, undef, $err) = Mailtrack::Proc::run_command('', {}, qw(openssl req
      -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout),
    $near->dir . '/key', '-out', $near->dir . '/crt');
is $exit, 0, 'a certificate' or diag $err;
$near->{server_config} = "Listen 127.0.0.1:$tls_port\n"
  . "<VirtualHost 127.0.0.1:$tls_port>\nSSLEngine on\n"
  . "SSLCertificateFile \@DIR\@/crt\nSSLCertificateKeyFile \@DIR\@/key\n"
  . $near->engine_lines(base_url => "https://127.0.0.1:$tls_port/mail",
    spool => $near->make_spool('tls'))
  . "$logs</VirtualHost>\n";
$near->start;
my $far = Mailtrack::Test->new(mpm => 'prefork', children => 4, store => 0,
    config => "$proxy${logs}MailtrackBaseURL https://mail.example.org\n"
      . 'DBDParams ' . $near->store . "\n");

my %word = (ann => 'correct horse', bob => 'battery staple',
    cat => 'a third password');
for my $name (sort keys %word) {
    my ($exit, undef, $err) = $near->ctl({ stdin => "$word{$name}\n" },
        'user', 'add', $name, $name eq 'ann' ? ('--role', 'admin') : ());
    is $exit, 0, "user $name" or diag $err;
}
my @secrets = values %word;    # nothing of these may be in a log

sub origin { return $_[0] == $far ? 'https://mail.example.org'
    : $_[0]->url('') =~ s{/\z}{}r }

# A request of our own pages. from: the client behind the proxy.
sub ask {
    my ($server, $method, $path, %option) = @_;
    my %header = (Origin => origin($server), %{ $option{headers} // {} });
    $header{'X-Forwarded-For'} = $option{from} if $option{from};
    $header{Cookie} = $option{cookie} if $option{cookie};
    delete $header{$_} for grep { !defined $header{$_} } keys %header;
    delete @option{qw(from cookie)};
    return $server->request($method, $path, key => undef, %option,
        headers => \%header);
}

sub sign_in {
    my ($server, $name, %option) = @_;
    my %body = (username => $name,
        password => delete $option{password} // $word{$name});
    my $code = delete $option{code};
    $body{code} = $code if defined $code;
    my $answer = ask($server, POST => '/api/session', json => \%body, %option);
    if (($answer->{headers}{'set-cookie'} // '') =~ /^([\w-]+=([\w-]+))/) {
        $answer->{cookie} = $1;
        push @secrets, $2;
    }
    return $answer;
}

sub who {
    my ($server, $cookie, %option) = @_;
    return ask($server, GET => '/api/session', cookie => $cookie, %option)
      ->{json};
}

sub name_of { my ($me) = @_; return $me->{user} && $me->{user}{name} }

# Each in a process of its own, at once; their statuses.
sub at_once {
    my @pipes = map {
        my $job = $_;
        pipe my $in, my $out or die "pipe: $!";
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            syswrite $out, $job->()->{status};
            POSIX::_exit(0);
        }
        [$in, $pid];
    } @_;
    return map { my $line = readline($_->[0]); waitpid $_->[1], 0; $line }
      @pipes;
}

# -- in and out -----------------------------------------------------------

my $ann = sign_in($near, 'ann');
is $ann->{status}, 201, 'signed in' or diag $ann->{content};
is_deeply $ann->{json}{user}, { name => 'ann', role => 'admin' }, 'who';
my ($port) = $near->port;
like $ann->{headers}{'set-cookie'}, qr/\Amailtrack-$port=[\w-]{43};\ Path=\/;
  \ Max-Age=7200;\ HttpOnly;\ SameSite=Strict\z/x,
  'the cookie on plain-http loopback';
is name_of(who($near, $ann->{cookie})), 'ann', 'the cookie is ann';
is name_of(who($near, "a=b; $ann->{cookie}; c=d")), 'ann', 'among others';
is who($near, $_)->{user}, undef, 'nobody by this cookie' for undef,
  substr($ann->{cookie}, 0, -1), "x$ann->{cookie}",
  $ann->{cookie} =~ s/.\z/$& eq 'A' ? 'B' : 'A'/er,
  "mailtrack-$port=" . 'A' x 43, "mailtrack-$port=";
my ($row) = $near->sql('SELECT * FROM sessions');
like $row->{hash}, qr/\A[0-9a-f]{64}\z/, 'stored is a hash';
unlike join(' ', values %$row), qr/\Q${\ ($ann->{cookie} =~ s{.*=}{}r) }/,
  'and no token';
is ask($near, GET => '/api/tracks', cookie => $ann->{cookie})->{status}, 200,
  'it opens the API';
my $mail = ask($near, POST => '/api/tracks', cookie => $ann->{cookie},
    json => { recipient => 'x@example.org' });
is $mail->{status}, 201, 'and makes mails';
is_deeply [$near->sql('SELECT name FROM tracked_emails JOIN users'
      . ' ON users.id = created_by')], [{ name => 'ann' }], 'as ann';
is ask($near, DELETE => '/api/session', cookie => $ann->{cookie})->{status},
  204, 'signed out';
is who($near, $ann->{cookie})->{user}, undef, 'the token is void';
is ask($near, GET => '/api/tracks', cookie => $ann->{cookie})->{status}, 401,
  'everywhere';

# -- wrong is wrong -------------------------------------------------------

{
    # CPU time of the children, as the machine may be busy with others
    my $cpu = sub { return List::Util::sum(map {
            open my $file, '<', "/proc/$_/stat" or die $!;
            (split ' ', readline($file) =~ s/.*\) //r)[11]
        } $far->children) / POSIX::sysconf(POSIX::_SC_CLK_TCK()) };
    my (%took, %said);
    for my $round (1 .. 10) {
        for my $name ('cat', 'nobody') {
            my $start = $cpu->();
            my $answer = sign_in($far, $name, password => 'secret guess',
                from => "192.0.2.$round");
            $took{$name} += $cpu->() - $start;
            delete @{ $answer->{headers} }{qw(date)};
            $said{$name} = [@$answer{qw(status content)}, $answer->{headers}];
        }
    }
    push @secrets, 'secret guess';
    is $said{cat}[0], 401, 'a wrong password';
    note "cat $took{cat} s, nobody $took{nobody} s";
    is_deeply $said{nobody}, $said{cat}, 'an unknown user: the same answer';
    cmp_ok $took{nobody}, '>', $took{cat} * 0.6, 'in the same time';
    cmp_ok $took{nobody}, '<', $took{cat} * 1.6, 'not longer either';
    cmp_ok $took{nobody}, '>', 0.2, 'which is ten times a bcrypt';
    is sign_in($near, 'ann', password => "$word{ann} ")->{status}, 401,
      'a space more';
    is sign_in($near, 'ann', password => 'x' x 73)->{status}, 401, '73 bytes';
    is sign_in($near, 'Ann', password => $word{ann})->{status}, 401,
      'another case is another name';
    for my $body ({}, { username => 'ann' }, { password => 'x' },
        { username => 1, password => 'x' },
        { username => 'a', password => 'b', other => 1 }) {
        is ask($near, POST => '/api/session', json => $body)->{status}, 422,
          'what is missing is said';
    }
}

# -- from our own pages ---------------------------------------------------

{
    my $cookie = sign_in($near, 'ann')->{cookie};
    my $origin = origin($near);
    my %foreign = (
        'another site' => { Origin => 'https://evil.example' },
        'a longer name' => { Origin => "$origin.evil.example" },
        'a longer port' => { Origin => "${origin}0" },
        'another scheme' => { Origin => $origin =~ s/http/https/r },
        'a sandbox' => { Origin => 'null' },
        'none' => { Origin => undef },
        'a cross-site form' => { Origin => undef,
            'Sec-Fetch-Site' => 'cross-site' },
        'a sibling' => { Origin => undef, 'Sec-Fetch-Site' => 'same-site' });
    for my $what (sort keys %foreign) {
        my %option = (headers => $foreign{$what});
        is sign_in($near, 'ann', %option)->{status}, 403,
          "sign-in from $what";
        my $answer = ask($near, POST => '/api/tracks', cookie => $cookie,
            json => { recipient => 'x@example.org' }, %option);
        is $answer->{status}, 403, "a mail from $what";
        like $answer->{json}{detail}, qr/\Q$origin\E/, 'says from where';
        is ask($near, DELETE => '/api/session', cookie => $cookie, %option)
          ->{status}, 403, "sign-out from $what";
    }
    is_deeply [$near->sql('SELECT count(*) AS n FROM tracked_emails')],
      [{ n => 1 }], 'nothing was made';
    is sign_in($near, 'ann', headers => { Origin => undef,
        'Sec-Fetch-Site' => 'same-origin' })->{status}, 201,
      'a browser that sends no Origin to its own';
    is $near->post('/api/tracks', json => { recipient => 'x@example.org' },
        headers => { Origin => 'https://evil.example' })->{status}, 201,
      'a key is good from anywhere';
    is ask($near, GET => '/api/tracks', cookie => $cookie,
        headers => { Origin => undef })->{status}, 200, 'reading needs none';
}

# -- over what ------------------------------------------------------------

{
    my $cookie = sign_in($near, 'ann')->{cookie};
    my @remote = (from => '198.51.100.9');
    like who($near, undef, @remote)->{sign_in_refused}, qr/plain http/,
      'remote plain http: said before';
    my $answer = sign_in($near, 'ann', @remote);
    is $answer->{status}, 403, 'and when tried';
    like $answer->{json}{detail}, qr/plain http/, 'in words';
    is $answer->{headers}{'set-cookie'}, undef, 'no cookie';
    is who($near, $cookie, @remote)->{user}, undef,
      'a session is not good there';
    is sign_in($near, 'ann', headers => { 'X-Forwarded-Proto' => 'https' },
        @remote)->{status}, 403, 'a header does not make it https';
    is who($near, undef)->{sign_in_refused}, undef, 'loopback is fine';
    is sign_in($far, 'ann')->{status}, 403,
      'https is elsewhere: not past the proxy';
    is sign_in($far, 'ann', headers => { 'X-Forwarded-Proto' => 'http' },
        @remote)->{status}, 403, 'the proxy says http';
    for my $proto (undef, 'https') {
        $answer = sign_in($far, 'ann', @remote,
            headers => { 'X-Forwarded-Proto' => $proto });
        is $answer->{status}, 201, 'through the trusted proxy';
        like $answer->{headers}{'set-cookie'},
          qr/\A__Host-mailtrack=[\w-]{43};\ Path=\/;\ Max-Age=\d+;\ HttpOnly;
          \ SameSite=Strict;\ Secure\z/x, 'a Secure cookie';
    }
    is name_of(who($far, $answer->{cookie}, @remote)), 'ann', 'which works';

    my $https = "https://127.0.0.1:$tls_port";
    my ($exit, $out, $err) = Mailtrack::Proc::run_command('', {}, 'curl',
        '-sSki', '-H', "Origin: $https", '-H', 'Content-Type: application/json',
        '-d', '{"username":"ann","password":"correct horse"}',
        "$https/mail/api/session");
    like $out, qr/\AHTTP\S+ 201/, 'with TLS' or diag $err;
    my ($name, $token) = $out =~ /^Set-Cookie:\ ([\w-]+)=([\w-]{43});
      \ Path=\/mail;\ Max-Age=\d+;\ HttpOnly;\ SameSite=Strict;\ Secure\r$/xm;
    is $name, "__Secure-mailtrack-$tls_port", 'its cookie, below a path';
    push @secrets, $token // ();
}

# -- sessions -------------------------------------------------------------

{
    my $other = sign_in($near, 'ann')->{cookie};
    my $first = sign_in($near, 'ann', headers => {
        'User-Agent' => "Browser/1 \xff<b>" });
    my $fresh = sign_in($near, 'ann', cookie => $first->{cookie});
    isnt $fresh->{cookie}, $first->{cookie}, 'signing in makes a new token';
    is who($near, $first->{cookie})->{user}, undef, 'and voids the old';
    my $mine = $fresh->{cookie};
    my $bob = sign_in($near, 'bob')->{cookie};
    my $list = ask($near, GET => '/api/sessions', cookie => $mine);
    cmp_ok scalar @{ $list->{json} }, '>', 1, 'all are listed';
    my ($own) = grep { $_->{current} } @{ $list->{json} };
    is $own->{id}, who($near, $mine)->{session}{id}, 'one is this';
    my $id = who($near, $other)->{session}{id};
    is ask($near, DELETE => "/api/sessions/$id", cookie => $bob)->{status},
      404, "nobody ends another's";
    is ask($near, DELETE => "/api/sessions/$id", cookie => $mine)->{status},
      204, 'one ended from another';
    is who($near, $other)->{user}, undef, 'is void';
    is ask($near, DELETE => "/api/sessions/$_", cookie => $mine)->{status},
      404, "no such session: $_" for $id, 'x', '-1', '9' x 30;
    is ask($near, DELETE => '/api/session?everywhere=1', cookie => $mine)
      ->{status}, 204, 'out everywhere';
    is name_of(who($near, $bob)), 'bob', 'but not bob';
    is_deeply [$near->sql('SELECT count(*) AS n FROM sessions JOIN users'
          . " ON users.id = user_id WHERE name = 'ann'")], [{ n => 0 }],
      'none is left';

    my $move = sub { my ($what) = @_;
        $near->sql("UPDATE sessions SET $what WHERE id = "
          . '(SELECT max(id) FROM sessions)') };
    my $second = 1_000_000;
    $mine = sign_in($near, 'ann')->{cookie};
    $move->('seen_at = seen_at - ' . 3590 * $second);
    is name_of(who($near, $mine)), 'ann', 'unused for less than an hour';
    my ($seen) = $near->sql('SELECT seen_at FROM sessions'
      . ' ORDER BY id DESC LIMIT 1');
    cmp_ok abs($seen->{seen_at} / $second - time), '<', 30, 'used now';
    $move->('seen_at = seen_at - ' . 3600 * $second);
    is who($near, $mine)->{user}, undef, 'an hour ends it';
    $mine = sign_in($near, 'ann')->{cookie};
    my ($ends) = $near->sql('SELECT ends_at - created_at AS n FROM sessions'
      . ' ORDER BY id DESC LIMIT 1');
    is $ends->{n}, 7200 * $second, 'two hours at most';
    $move->('ends_at = ends_at - ' . 7190 * $second);
    is name_of(who($near, $mine)), 'ann', 'almost over';
    $move->('ends_at = ends_at - ' . 10 * $second);
    is who($near, $mine)->{user}, undef, 'however used';
    sign_in($near, 'ann') for 1 .. 55;
    is_deeply [$near->sql('SELECT count(*) AS n FROM sessions JOIN users'
          . " ON users.id = user_id WHERE name = 'ann'")], [{ n => 50 }],
      'no more than fifty';
}

# -- who may what ---------------------------------------------------------

my ($ann_in, $bob_in) = map { sign_in($near, $_)->{cookie} } qw(ann bob);
{
    my $id = $mail->{json}{id};
    is ask($near, PATCH => "/api/tracks/$id", cookie => $bob_in,
        json => { notes => 'n' })->{status}, 200, 'a user changes mails';
    is ask($near, $_->[0] => $_->[1], cookie => $bob_in, @$_[2 .. $#$_])
      ->{status}, 403, "but not $_->[0] $_->[1]"
      for [GET => '/api/users'], [DELETE => '/api/users/cat'],
      [POST => '/api/users', json => { username => 'x', password => 'y' x 9 }];
    is ask($near, GET => '/api/users', cookie => $ann_in)->{status}, 200,
      'an administrator does';
    my $key = ask($near, POST => '/api/keys', cookie => $bob_in,
        json => { name => "bob's", scope => 'admin' });
    is $key->{status}, 201, 'a key of his own';
    my $secret = $key->{json}{key};
    like $secret, qr/\Amt_$key->{json}{prefix}_[\w-]{43}\z/, 'shown';
    push @secrets, substr $secret, 12;    # it may have a _ of its own
    my $listed = ask($near, GET => '/api/keys', cookie => $bob_in);
    unlike $listed->{content}, qr/mt_|\Q${\ substr $secret, 12 }/,
      'and never again';
    is_deeply [map { $_->{name} } @{ $listed->{json} }], ["bob's"],
      'he sees his own';
    cmp_ok @{ ask($near, GET => '/api/keys', cookie => $ann_in)->{json} }, '>',
      1, 'ann sees all';
    is $near->get('/api/tracks', key => $secret)->{status}, 200, 'it works';
    isnt ask($near, GET => '/api/keys', cookie => $bob_in)->{json}[0]
      {last_used_at}, undef, 'its use is noted';
    is $near->get('/api/users', key => $secret)->{status}, 403,
      'it may no more than bob';
    is $near->get('/api/sessions', key => $secret)->{status}, 403,
      'a key is no person';
    my ($test) = $near->sql("SELECT prefix FROM api_keys WHERE name = 'test'");
    is ask($near, DELETE => "/api/keys/$test->{prefix}", cookie => $bob_in)
      ->{status}, 404, "nobody's key is not bob's";
    is ask($near, DELETE => "/api/keys/$key->{json}{prefix}",
        cookie => $bob_in)->{status}, 204, 'revoked';
    is $near->get('/api/tracks', key => $secret)->{status}, 401, 'and dead';
    is ask($near, DELETE => '/api/users/ann', cookie => $ann_in)->{status},
      409, 'nobody removes himself';
    my $dora = 'no password at all';
    push @secrets, $dora;
    is ask($near, POST => '/api/users', cookie => $ann_in, json => {
        username => 'dora', password => $dora })->{status}, 201, 'dora';
    my $in = sign_in($near, 'dora', password => $dora)->{cookie};
    is name_of(who($near, $in)), 'dora', 'signs in';
    is ask($near, DELETE => '/api/users/dora', cookie => $ann_in)->{status},
      204, 'is removed';
    is who($near, $in)->{user}, undef, 'and is out';
}

# -- another password -----------------------------------------------------

{
    my $other = sign_in($near, 'bob')->{cookie};
    my $new = 'quite another one';
    push @secrets, $new;
    my $change = sub { return ask($near, PUT => '/api/password',
            cookie => $bob_in, json => {@_})->{status} };
    is $change->(old_password => 'x', new_password => $new), 401,
      'not without the old one';
    is $change->(old_password => $word{bob}, new_password => 'short'), 422,
      'not a short one';
    is $change->(old_password => $word{bob}, new_password => $new), 204,
      'changed';
    is name_of(who($near, $bob_in)), 'bob', 'this session goes on';
    is who($near, $other)->{user}, undef, 'the others do not';
    is sign_in($near, 'bob')->{status}, 401, 'the old one is void';
    $word{bob} = $new;
    is sign_in($near, 'bob')->{status}, 201, 'the new one holds';
}

# -- the second factor ----------------------------------------------------

# Far enough from the end of a time step for what follows.
sub early { sleep 0.5 while time - 30 * int(time / 30) > 22 }
sub unused { $near->sql('UPDATE totp SET last_step = 0') }

{
    my @ann = (cookie => $ann_in);
    my $old = ask($near, POST => '/api/totp', @ann, json => {})->{json};
    my $begun = ask($near, POST => '/api/totp', @ann, json => {})->{json};
    my $secret = $begun->{secret};
    push @secrets, $secret, $old->{secret};
    is $begun->{uri}, "otpauth://totp/127.0.0.1%3a$port:ann?secret=$secret"
      . "&issuer=127.0.0.1%3a$port&algorithm=SHA1&digits=6&period=30", 'URI';
    is sign_in($near, 'ann')->{status}, 201, 'not on without a code';
    my $activate = sub { return ask($near, PUT => '/api/totp', @ann,
            json => { code => $_[0] }) };
    early();
    is $activate->($near->totp($old->{secret}, time))->{status}, 422,
      'a code of an older secret';
    my $on = $activate->($near->totp($secret, time));
    is $on->{status}, 200, 'on' or diag $on->{content};
    my @recovery = @{ $on->{json}{recovery_codes} };
    push @secrets, @recovery;
    my %distinct = map { $_ => 1 } @recovery;
    is keys %distinct, 10, 'ten recovery codes';
    like $_, qr/\A(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}\z/, 'one' for $recovery[0];
    my $me = who($near, $ann_in)->{totp};
    ok $me->{enabled}, 'who am I says so';
    is $me->{recovery_codes_left}, 10, 'ten left';
    my ($stored) = $near->sql('SELECT group_concat(hash) AS all_of_them'
      . ' FROM recovery_codes');
    unlike $stored->{all_of_them}, qr/\Q$recovery[0]\E/, 'hashed';

    my $asked = sign_in($near, 'ann');
    is $asked->{status}, 401, 'the password alone';
    ok $asked->{json}{code_required}, 'a code is asked for';
    is $asked->{cookie}, undef, 'no cookie';
    is sign_in($near, 'ann', password => 'wrong', code => '123456')
      ->{json}{code_required}, undef, 'a wrong password learns nothing';
    is sign_in($near, 'ann', code => $near->totp($secret, time))->{status},
      401, 'the code that switched it on is used up';
    unused();
    early();
    my $at = time;
    my $code = sub { return $near->totp($secret, $at + $_[0]) };
    my @far = (from => '203.0.113.1');
    is sign_in($near, 'ann', code => $code->(-30))->{status}, 201,
      'a step late';
    is sign_in($near, 'ann', code => $code->(0))->{status}, 201, 'now';
    is sign_in($far, 'ann', code => $code->(0), @far)->{status}, 401,
      'once, on any server';
    is sign_in($far, 'ann', code => $code->(30), @far)->{status}, 201,
      'a step early';
    is sign_in($near, 'ann', code => $code->($_))->{status}, 401,
      'and none that is older' for 0, -30;
    unused();
    is sign_in($near, 'ann', code => $code->($_))->{status}, 401,
      "two steps off: $_" for -60, 60;
    sign_in($near, 'ann', code => $recovery[9]);    # forgets the failures
    unused();
    early();
    $at = time;
    my @tried = at_once(map { my ($server, @from) = $_ % 2 ? ($near)
          : ($far, from => '203.0.113.1');
        sub { sign_in($server, 'ann', code => $code->(0), @from) } } 1 .. 4);
    is scalar(grep { $_ == 201 } @tried), 1, "four at once: @tried";

    @tried = at_once(map { sub { sign_in($near, 'ann', code => $recovery[0]) }
    } 1 .. 3);
    is scalar(grep { $_ == 201 } @tried), 1, "a recovery code: @tried";
    is sign_in($near, 'ann', code => lc $recovery[1] =~ s/-/ /gr)->{status},
      201, 'in small letters';
    is sign_in($near, 'ann', code => $recovery[1])->{status}, 401, 'once';
    is who($near, $ann_in)->{totp}{recovery_codes_left}, 7, 'seven left';
    sign_in($far, 'ann', code => '000000', from => '203.0.113.77') for 1 .. 5;
    is sign_in($far, 'ann', code => $recovery[2], from => '203.0.113.77')
      ->{status}, 429, 'codes are not guessed';

    my $off = sub { return ask($near, DELETE => '/api/totp', @ann,
            json => { password => $_[0] })->{status} };
    is $off->('wrong'), 401, 'off needs the password';
    is $off->($word{ann}), 204, 'off';
    is $off->($word{ann}), 404, 'once';
    is sign_in($near, 'ann')->{status}, 201, 'the password suffices';
    $begun = ask($near, POST => '/api/totp', @ann, json => {})->{json};
    push @secrets, $begun->{secret};
    $near->sql('UPDATE totp SET pending_at = pending_at - 901000000');
    is $activate->($near->totp($begun->{secret}, time))->{status}, 409,
      'a QR code is good for a quarter of an hour';
    $begun = ask($near, POST => '/api/totp', @ann, json => {})->{json};
    push @secrets, $begun->{secret};
    early();
    is $activate->($near->totp($begun->{secret}, time))->{status}, 200,
      'on again';
    is sign_in($near, 'ann', code => $recovery[3])->{status}, 401,
      'old recovery codes are void';
    is +($near->ctl(qw(user totp-reset ann)))[0], 0, 'reset by the operator';
    is sign_in($near, 'ann')->{status}, 201, 'she is in';
}

# -- trying ---------------------------------------------------------------

{
    my $try = sub { my ($from, $name, $password) = @_;
        return sign_in($far, $name, from => $from,
            password => $password // 'a wrong guess') };
    push @secrets, 'a wrong guess';
    is $try->('198.51.100.50', 'cat', $word{cat})->{status}, 201,
      'where cat usually is';
    is $try->('198.51.100.1', 'cat')->{status}, 401, 'a failure' for 1 .. 5;
    my $barred = $try->('198.51.100.1', 'cat');
    is $barred->{status}, 429, 'the sixth, whichever child';
    cmp_ok $barred->{headers}{'retry-after'}, '<=', 60, 'a minute at most';
    cmp_ok $barred->{headers}{'retry-after'}, '>', 30, 'and not much less';
    is $barred->{json}{retry_after}, $barred->{headers}{'retry-after'},
      'in the body as well';
    is $try->('198.51.100.1', 'cat', $word{cat})->{status}, 429,
      'even when it would be right';
    is $try->('198.51.100.1', 'bob', $word{bob})->{status}, 201,
      'others behind the same address';
    $try->('198.51.100.1', 'none at all') for 1 .. 5;
    my $none = $try->('198.51.100.1', 'none at all');
    is $none->{status}, 429, 'a name that nobody has';
    is_deeply [sort keys %{ $none->{headers} }],
      [sort keys %{ $barred->{headers} }], 'is treated alike';
    my @statuses = map { $try->("2001:db8::$_", 'cat')->{status} } 1 .. 6;
    is "@statuses", '401 401 401 401 401 429', 'a /64 is one client';
    is $try->('2001:db8:0:1::1', 'cat')->{status}, 401, 'the next is another';

    my @many = at_once(map { sub { $try->('198.51.100.2', 'cat') } } 1 .. 12);
    cmp_ok scalar(grep { $_ == 401 } @many), '<=', 5,
      "twelve at once are not more: @many";
    is scalar(grep { $_ != 401 && $_ != 429 } @many), 0, 'nothing else';

    for my $address (100 .. 115) {
        $try->("198.51.100.$address", 'cat') for 1 .. 5;
    }
    is $try->('192.0.2.201', 'cat', $word{cat})->{status}, 429,
      'fifty failures from everywhere: strangers wait';
    is $try->('198.51.100.50', 'cat', $word{cat})->{status}, 201,
      'where cat usually is, cat still gets in';
    is $try->('192.0.2.201', 'bob', $word{bob})->{status}, 201,
      'bob is not concerned';
}

# -- whom httpd knows -----------------------------------------------------

{
    my $trust = Mailtrack::Test->new(store => 0, start => 0,
        modules => [qw(auth_basic authn_core authn_file authz_user)],
        config => "MailtrackTrustUser On\n" . 'DBDParams ' . $near->store
          . "\n<Location /api>\nAuthType Basic\nAuthName x\n"
          . "AuthUserFile \@DIR\@/people\nRequire valid-user\n</Location>\n");
    open my $file, '>', $trust->dir . '/people' or die $!;
    print $file "$_:", crypt('web word', '$1$abcdefgh'), "\n"
      for 'bob', 'ann', 'zed', "z'\xff";
    close $file or die $!;
    push @secrets, 'web word';
    $trust->start;
    my $as = sub { my ($name, $method, $path, %option) = @_;
        my $basic = MIME::Base64::encode_base64("$name:web word", '');
        return ask($trust, $method => $path, %option, headers => {
            Authorization => "Basic $basic", %{ $option{headers} // {} } }) };
    is ask($trust, GET => '/api/session')->{status}, 401, 'httpd asks';
    my $me = $as->('bob', GET => '/api/session')->{json};
    is "$me->{user}{name} $me->{user}{role} $me->{method}", 'bob user httpd',
      'whom httpd knows is signed in';
    is $as->('bob', GET => '/api/tracks')->{status}, 200, 'and reads';
    is $as->('bob', GET => '/api/users')->{status}, 403, 'as a user';
    is $as->('ann', GET => '/api/users')->{status}, 200,
      'or as an administrator';
    my $zed = $as->('zed', GET => '/api/tracks');
    is $zed->{status}, 403, 'whom Mailtrack does not know';
    like $zed->{json}{detail}, qr/mailtrackctl user add 'zed'/, 'what to do';
    $zed = $as->("z'\xff", GET => '/api/tracks');
    is $zed->{status}, 403, 'whose name is no text';
    like $zed->{json}{detail}, qr/mailtrackctl user add NAME/, 'likewise';
    my %mail = (json => { recipient => 'a@example.org' });
    is $as->('bob', POST => '/api/tracks', %mail)->{status}, 201, 'writes';
    is $as->('bob', POST => '/api/tracks', %mail,
        headers => { Origin => 'https://evil.example' })->{status}, 403,
      'but not for other sites';
    $trust->set_config($trust->{config} =~ s/TrustUser On/TrustUser Off/r);
    $trust->graceful;
    is $as->('bob', GET => '/api/tracks')->{status}, 401,
      'off: httpd lets him pass, Mailtrack asks';
}

# -- configuration --------------------------------------------------------

for (['12h', 0], ['90s 90s', 0], ['60d', 0], ['30min 1d', 0], ['1h 30min', 1],
    ['12', 1], ['59s', 1], ['12h 366d', 1], ['x', 1], ['-1h', 1],
    ['999999999999d', 1]) {
    my ($lines, $bad) = @$_;
    my ($exit, $said) = $near->config_test(
        "${proxy}MailtrackSessionLifetime $lines\n");
    is $exit, $bad, "MailtrackSessionLifetime $lines" or diag $said;
}

# -- what is left in logs -------------------------------------------------

for my $server ($near, $far) {
    open my $file, '<', $server->dir . '/log/access' or die $!;
    local $/;
    my $said = $server->error_log . <$file>;
    like $said, qr/sign-in failed: wrong password of user (?:cat|ann)/,
      'failures are in the log, with the name';
    like $said, qr/sign-in failed: unknown user(?:\n|, )/,
      'unknown names are not';
    unlike $said, qr/none at all/, 'as they may be a password';
    like $said, qr/ ann GET /, 'the access log says who' if $server == $near;
    my @told = grep { length && index($said, $_) >= 0 } @secrets;
    is "@told", '', scalar(@secrets) . ' secrets, none in the logs';
}

done_testing;
