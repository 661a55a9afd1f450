# SPDX-License-Identifier: MIT
package Mailtrack::Browser;

# A server with the dashboard as conf/mailtrack.conf serves it, and a real
# browser (t/browser, Chromium by playwright-core) to look at it.

use strict;
use warnings;
use JSON::PP ();
use Mailtrack::Proc qw(run_command);
use Mailtrack::Test ();
use Test::More ();

my $source = Mailtrack::Test::source_dir();

# Why there can be no browser here; undef when there can.
sub missing {
    for my $program (qw(node npm)) {
        return "no $program" if !grep { -x "$_/$program" } split /:/, $ENV{PATH};
    }
    return 'no chromium' if !-x '/usr/bin/chromium';
    return libraries('browser', 'browser');
}

# npm ci of t/NAME into DIR of the build, once for each lock file. Why it
# cannot be; undef when it was.
sub libraries {
    my ($name, $into) = @_;
    my $dir = Mailtrack::Test::build_dir() . "/$into";
    my $lock = "$source/t/$name/package-lock.json";
    if (!-e "$dir/ready" || -M "$dir/ready" > -M $lock) {
        my ($exit, $out, $err) = run_command('', {}, 'sh', '-ec', <<'END',
mkdir -p "$1"
cp "$2/package.json" "$2/package-lock.json" "$1"
cd "$1"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
touch ready
END
            'sh', $dir, "$source/t/$name");
        return "npm ci: $err" if $exit;
    }
    return undef;
}

sub _slurp {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!";
    local $/;
    return scalar <$file>;
}

# Arguments are Mailtrack::Test's. Signs nobody in; adds the user admin.
sub server {
    my (%option) = @_;
    my $site = Mailtrack::Test::build_dir() . '/mod_mailtrack/dashboard/vendor';
    my ($block) = _slurp("$source/conf/mailtrack.conf")
      =~ /^( *# -- the dashboard -.*?)^ *# -- signing in -/ms
      or die 'mailtrack.conf has no dashboard';
    my $base = $option{base_path} // '';
    $block =~ s{/usr/local/share/mailtrack/dashboard}{\@DIR@/dashboard}g;
    $block =~ s{"\^/}{"^$base/}g;
    $block =~ s{Alias "/"}{Alias "$base/"};
    my $t = Mailtrack::Test->new(
        modules => [qw(alias headers)],
        start   => 0,
        %option,
        config => "$block\nRemoteIPHeader X-Forwarded-For\n"
          . "RemoteIPInternalProxy 127.0.0.1/8\n" . ($option{config} // ''),
        server_config => "TypesConfig /etc/mime.types\n"
          . ($option{server_config} // ''),
    );
    my ($exit, $out, $err) = run_command('', {}, 'sh',
        "$source/mod_mailtrack/dashboard/site.sh", $site, $t->dir . '/dashboard');
    die "site.sh: $out$err" if $exit;
    $t->start;
    return $t;
}

our $password = 'correct horse battery';

sub add_user {
    my ($t, $name, @options) = @_;
    my ($exit, $out, $err) = run_command("$password\n", {},
        Mailtrack::Test::build_dir() . '/mailtrackctl', '--store', $t->store,
        'user', 'add', $name, @options);
    die "user add: $out$err" if $exit;
}

# Runs a script of t/browser against the server. Its lines "ok WORDS" and
# "not ok WORDS" are tests; what follows as "# ..." is said of a failure.
sub run {
    my ($t, $script, %more) = @_;
    my $config = JSON::PP->new->canonical->encode({
        url => $t->url("$t->{base_path}/"), username => 'admin',
        password => $password, key => $t->key,
        libraries => Mailtrack::Test::build_dir() . '/browser/node_modules',
        %more,
    });
    my ($exit, $out, $err) = run_command('', { MAILTRACK_BROWSER => $config },
        'node', "$source/t/browser/$script");
    my $tests = 0;
    for my $line (split /\n/, $out) {
        if ($line =~ /^(not )?ok (.*)/) {
            Test::More::ok(!$1, $2);
            $tests++;
        } elsif ($line =~ /^# (.*)/) {
            Test::More::diag($1);
        }
    }
    Test::More::is($exit, 0, "$script came to its end") or Test::More::diag($err);
    Test::More::cmp_ok($tests, '>', 0, "$script had something to say")
      if !$more{silent};
    return $tests;
}

1;
