#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# The delivery pages with all that is real behind them: httpd, mailprobe, a
# Postfix and a Dovecot of our own; see t/browser/live.mjs. With
# MAILTRACK_SHOTS=DIR it takes pictures on the way.

use strict;
use warnings;
use Mailtrack::Browser;
use Mailtrack::Hook;
use Mailtrack::Proc qw(alive reap run_command spawn wait_until);
use Mailtrack::Test;

my $missing = Mailtrack::Browser::missing();
plan skip_all => $missing if $missing;
plan skip_all => 'a mail system of our own needs root' if $>;

my $source = Mailtrack::Test::source_dir();
my ($program) = grep { -f && -x }
  map { Mailtrack::Test::build_dir() . $_ } '/mailprobe', '/mailprobe/mailprobe';
my $t = Mailtrack::Browser::server();
Mailtrack::Browser::add_user($t, 'admin', '--role', 'admin');
my $dir   = $t->dir;
my $stack = "/tmp/mt82-$$";
my $hook  = Mailtrack::Hook->new(dir => "$dir/hook");
my $pid;

my ($exit, $out, $err) = run_command('', {}, 'sh', "$source/t/lib/mailstack",
    'start', $stack, 2);
is $exit, 0, 'a mail system starts' or diag $out, $err;
open my $file, '<', "$stack/env" or die "$stack/env: $!";
my %mail = map { chomp; split /=/, $_, 2 } <$file>;

sub account {
    my ($name, $user, $password) = @_;
    return <<"END";
  $name:
    from: $user\@mail.test
    smtp:
      host: 127.0.0.1
      port: $mail{smtps}
      security: tls
      username: $user\@mail.test
      password: $password
      ca_file: $mail{ca}
    imap:
      host: 127.0.0.1
      port: $mail{imaps}
      security: tls
      username: $user\@mail.test
      password: $password
      ca_file: $mail{ca}
END
}

my $path = "$dir/mailprobe.yaml";
open $file, '>', $path or die "$path: $!";
print {$file} "store:\n  driver: sqlite3\n  params: ${\ $t->store }\n"
  . "alerts:\n  gather: 1s\naccounts:\n" . account('one', 'box1', 'secret1')
  . account('two', 'box2', 'secret2') . account('shut', 'box2', 'wr0ng-secret')
  . "channels:\n  hook:\n    type: webhook\n    url: ${\ $hook->url('in') }\n"
  . "  broken:\n    type: webhook\n    url: ${\ $hook->url('bad') }\n";
close $file or die $!;
chmod 0600, $path;
$hook->behave('bad', '404');
$pid = spawn("$dir/log/probe", { TZ => 'UTC' }, $dir, $program, '-c', $path,
    '-f');
ok wait_until(sub { @{ $t->get('/api/accounts')->{json} } == 3 }, 20),
  'mailprobe runs and has told of its accounts'
  or diag `cat $dir/log/probe`;

Mailtrack::Browser::run($t, 'live.mjs', shots => $ENV{MAILTRACK_SHOTS});

ok wait_until(sub {
    grep { ($_->{body} // '') =~ /refused by policy/ } $hook->requests('in')
}, 20), 'the alert went out' or diag `cat $dir/log/probe`;
my $answers = join '', map { $t->get("/api/$_")->{content} }
  qw(accounts channels monitors deliveries alerts channels/hook);
unlike $answers, qr/secret1|wr0ng/, 'no password in any answer';

kill TERM => $pid;
ok wait_until(sub { !alive($pid) }, 5), 'and it ends';
reap($pid);
is $t->get('/health')->{json}{prober}{status}, 'off', 'which is known';
(undef, $out, $err) = run_command('', {}, 'sh', "$source/t/lib/mailstack", 'stop',
    $stack);
system 'rm', '-rf', $stack;
undef $hook;
done_testing;

END {
    kill KILL => $pid if $pid && alive($pid);
    system 'sh', "$source/t/lib/mailstack", 'stop', $stack
      if defined $stack && -d $stack;
    system 'rm', '-rf', $stack if defined $stack && -d $stack;
}
