#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# conf/quickstart as its reader meets it: a fresh copy of the tree, here below a
# path with a blank, nothing compiled.

use Mailtrack::Test;
use Cwd ();
use File::Path ();
use File::Temp ();
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP ();
use Mailtrack::Proc qw(alive run_command);

alarm 900;
my $dir = File::Temp::mkdtemp(($ENV{TMPDIR} || '/tmp') . '/mt-XXXXXX');
chmod 0755, $dir;
my $tree = "$dir/the tree";
my $run  = "$tree/run";
my $http = HTTP::Tiny->new(timeout => 10);
my $me   = $$;
my (@as_user, $mail_place);

END {
    if ($$ == $me && -d $tree) {
        my $status = $?;
        quickstart('stop');
        quickstart('stop', '--dir', "$tree/mine");
        File::Path::remove_tree($dir);
        $? = $status;
    }
}

# -O0: compiled sooner
sub quickstart {
    return run_command('', { CFLAGS => '-O0' }, @as_user, 'sh', "$tree/conf/quickstart",
        @_);
}

# What git would hand out: no product of a build.
sub copy_tree {
    my $from = Mailtrack::Test::source_dir();
    mkdir $tree;
    my $list = "$dir/files";
    my $git = -e "$from/.git"
      && system("cd '$from' && git ls-files -co --exclude-standard >'$list'") == 0;
    my $files = $git ? "-T '$list'"
      : join ' ', map { "--exclude=$_" } qw(./build ./run ./config.status), '.';
    system("cd '$from' && tar -cf - $files | tar -xf - -C '$tree'") == 0
      or die 'no copy of the tree';
}

sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or return '';
    local $/;
    return scalar(<$file>) // '';
}

sub credentials {
    open my $file, '<', "$run/credentials" or return {};
    return { map { chomp; /^(\w+)=(.*)/ ? ($1, $2) : () } <$file> };
}

sub httpd_pid {
    open my $file, '<', "$run/run/httpd.pid" or return 0;
    return scalar(<$file>) + 0;
}

# Every process with an instance's configuration on its command line.
sub processes {
    return grep {
        my $line = '';
        if (alive($_) && open my $file, '<', "/proc/$_/cmdline") {
            $line = <$file> // '';
        }
            index($line, "$tree/") >= 0 || $mail_place && index($line, $mail_place) >= 0
    } map { m{(\d+)$} } glob '/proc/[0-9]*';
}

sub setting {
    return (slurp("$_[1]/settings") =~ /^$_[0]=(.*)$/m)[0];
}

# What a monitor of the instance says when it has something to say.
sub delivered {
    my $monitors;
    Mailtrack::Proc::wait_until(
        sub {
            $monitors = api(GET => '/api/deliveries')->{json}{monitors};
            return $monitors && @$monitors && defined $monitors->[0]{last_ok_at};
        }, 20);
    return $monitors && $monitors->[0] // {};
}

sub api {
    my ($method, $path, $body) = @_;
    my $login = credentials();
    my $answer = $http->request($method, "$login->{url}$path", {
        headers => { 'X-API-Key' => $login->{api_key},
            'Content-Type' => 'application/json' },
        defined $body ? (content => JSON::PP::encode_json($body)) : () });
    return { %$answer, json => eval { JSON::PP::decode_json($answer->{content}) } };
}

copy_tree();
my $port = Mailtrack::Test::free_port();
my ($exit, $out, $err) = quickstart('--port', $port);
is $exit, 0, 'it starts' or die "$out$err";
my $login = credentials();
is $login->{url}, "http://127.0.0.1:$port", 'the credentials have the URL';
is $login->{username}, 'admin', '... the user';
like $login->{password}, qr/^\w{16,}$/, '... a password';
like $login->{api_key}, qr/^\S{20,}$/, '... an API key';
is sprintf('%o', (stat "$run/credentials")[2] & 07777), '600',
  'nobody else reads them';
for my $said ("http://127.0.0.1:$port", "ssh -L $port:", $login->{password}) {
    like $out, qr/\Q$said\E/, "it says $said";
}

is $http->get("$login->{url}/health")->{status}, 200, '/health is ok';
my $made = api(POST => '/api/tracks',
    { recipient => 'ann@example.org', subject => 'Hello' });
like $made->{status}, qr/^20[01]$/, 'the key may register a mail'
  or diag $made->{content};
my $track = $made->{json}{id};

# behind a proxy on this machine the reader's address is the forwarded one
sleep 6;    # MailtrackMinDelay is 5 s here as everywhere
my $hit = $http->get("$login->{url}/p/$track.gif", { headers => {
    'X-Forwarded-For' => '198.51.100.7',
    'User-Agent' => $Mailtrack::Test::reader } });
is $hit->{status}, 200, 'its pixel answers';
ok Mailtrack::Proc::wait_until(
    sub { (api(GET => "/api/tracks/$track")->{json}{open_count} // 0) == 1 }, 5),
  'the open is told';
is api(GET => "/api/tracks/$track")->{json}{opens}[0]{ip_address},
  '198.51.100.7', 'with the address the proxy forwarded';
my $log = slurp("$run/log/mailtrack.log");
unlike $log, qr{/p/}, 'the access log has no pixel';
like $log, qr{/api/tracks}, '... but the rest';

is scalar(IO::Socket::INET->new("127.0.0.2:$port")), undef,
  'it listens on 127.0.0.1 alone';

# -- mail that really goes round ------------------------------------------------

my $round;
SKIP: {
    skip 'needs root', 5 if $> != 0;
    $mail_place = setting('mail', $run);
    $round = delivered();
    is $round->{name}, 'Demo: box1 to box2', 'there is a monitor';
    is $round->{state}, 'ok', 'and its mail goes round' or diag $err;
    my ($probe) = grep { (readlink("/proc/$_/exe") // '') =~ m{/mailprobe$} } processes();
    isnt +(stat "/proc/$probe")[4], 0, 'mailprobe is not root';
    is sprintf('%o', (stat "$run/mailprobe.yaml")[2] & 07777), '640',
      'others do not read its configuration';
    like $out, qr/goes round between/, 'it is said';
}
is api(GET => '/health')->{json}{prober}{status}, 'up', 'mailprobe is up';

# -- again ------------------------------------------------------------------

my $before = httpd_pid();
($exit, $out, $err) = quickstart();
is $exit, 0, 'it starts again, without saying the port' or diag "$out$err";
isnt httpd_pid(), $before, 'as another process';
ok !alive($before), 'the old one is gone';
is_deeply credentials(), $login, 'the credentials are the same';
is api(GET => "/api/tracks/$track")->{json}{open_count}, 1, 'the data is there';
is scalar @{ api(GET => '/api/deliveries')->{json}{monitors} }, $> ? 0 : 1,
  'and one monitor still';
($exit, $out) = quickstart('status');
is $exit, 0, 'status says it runs';
like $out, qr/runs.*\Q$login->{url}\E/, '... and where';
like $out, qr/^mailprobe runs/m, '... and mailprobe';

# -- the port is taken --------------------------------------------------------

($exit, $out, $err) = quickstart('--dir', "$tree/other", '--port', $port);
isnt $exit, 0, 'a second instance cannot have the same port';
like $err, qr/port $port/, '... it names the port';
like $err, qr/--port/, '... and the way out';
is api(GET => "/api/tracks/$track")->{status}, 200, 'the first one goes on';
($exit, $out, $err) = quickstart('--port', 'http');
isnt $exit, 0, 'a port is a number';
($exit, $out, $err) = quickstart('--frobnicate');
is $exit, 2, 'an unknown option is refused';

# -- the end --------------------------------------------------------------------

($exit, $out, $err) = quickstart('stop');
is $exit, 0, 'it stops';
is_deeply [ processes() ], [], 'nothing runs any more, no mail system either';
ok !$mail_place || index($mail_place, $run) == 0 || !-e $mail_place,
  'nothing is left outside of the tree';
is scalar(IO::Socket::INET->new("127.0.0.1:$port")), undef, 'nobody listens';
($exit) = quickstart('stop');
is $exit, 0, 'stopping twice is fine';
($exit) = quickstart('status');
is $exit, 3, 'status says it does not run';

# -- other circumstances --------------------------------------------------------

SKIP: {
    skip 'needs root', 13 if $> != 0;

    # a checkout where www-data may not enter, such as one below /root
    chmod 0700, $dir;
    ($exit, $out, $err) = quickstart('--no-mail');
    is $exit, 0, 'it starts where www-data may not enter' or diag "$out$err";
    like $out, qr/may not enter \Q$dir\E/, '... and says so';
    is setting('mail', $run), '', '... without a mail system, as it was told';
    is api(GET => '/health')->{json}{prober}{status}, 'up', '... mailprobe is up';
    is $http->get("$login->{url}/p/$track.gif")->{status}, 200,
      '... the pixel answers';
    ok Mailtrack::Proc::wait_until(
        sub { (api(GET => "/api/tracks/$track")->{json}{open_count} // 0) == 2 },
        5), '... and is told';
    is +(quickstart('stop'))[0], 0, '... it stops';
    unlike slurp("$run/log/error.log"), qr/exit signal|AH00045/,
      '... no process of it ever broke';

    # a user: the same tree, the packages are there
    chmod 0755, $dir;
    system('chown', '-R', 'nobody:nogroup', $tree);
    my @mine = ('--dir', "$tree/mine");
    @as_user = qw(setpriv --reuid=nobody --regid=nogroup --clear-groups);
    ($exit, $out, $err) = quickstart(@mine, '--port', $port);
    is $exit, 0, 'a user starts one' or diag "$out$err";
    like $out, qr/Without the demo mail system: Postfix needs root/,
      '... without a mail system, and is told';
    ok -s "$tree/mine/log/mailprobe.log", '... with mailprobe';
    is +(stat "$tree/mine/spool")[4], (getpwnam 'nobody')[2], '... that is his';
    is +(quickstart('stop', @mine))[0], 0, '... and stops it';
}
is_deeply [ processes() ], [], 'nothing runs any more';

done_testing;
