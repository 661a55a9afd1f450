#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# The browser extension: its pure parts, Mozilla's linter, and its story in a
# real browser with a Gmail of our own (t/extension).

use strict;
use warnings;
use Mailtrack::Browser;
use Mailtrack::Proc qw(run_command);
use Mailtrack::Test;

my $source = Mailtrack::Test::source_dir();
my $missing = Mailtrack::Browser::missing();
plan skip_all => $missing if $missing;

subtest 'pure parts' => sub {
    for my $test (glob "$source/t/extension/*.test.mjs") {
        my ($exit, $out, $err) = run_command('', {}, 'node', '--test',
            '--test-reporter=tap', $test);
        my ($count) = $out =~ /^# pass (\d+)/m;
        is $exit, 0, $test =~ s{.*/}{}r or diag $out . $err;
        cmp_ok $count // 0, '>', 0, 'has tests';
    }
};

my $t = Mailtrack::Test->new(config => "RemoteIPHeader X-Forwarded-For\n"
      . "RemoteIPInternalProxy 127.0.0.1/8\n");
$t->{key} = $t->make_key('extension', 'track');
Mailtrack::Browser::run($t, '../extension/run.mjs');

done_testing;
