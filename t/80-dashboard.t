#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# The dashboard in a real browser, served as conf/mailtrack.conf says; see
# t/browser/run.mjs. With MAILTRACK_SHOTS=DIR it takes pictures of every page
# instead of testing them (SHOTS_EXTRA=1: of more states and sizes).

use strict;
use warnings;
use Mailtrack::Browser;
use Mailtrack::Demo;
use Mailtrack::Routes;
use Mailtrack::Test;

my $missing = Mailtrack::Browser::missing();
plan skip_all => $missing if $missing;

if ($ENV{MAILTRACK_SHOTS}) {
    my $t = Mailtrack::Browser::server();
    Mailtrack::Browser::add_user($t, 'admin', '--role', 'admin');
    ok Mailtrack::Demo::fill($t), 'a season of mail';
    ok scalar Mailtrack::Routes::fill($t), 'and of probes';
    Mailtrack::Browser::run($t, 'shots.mjs', silent => 1,
        shots => $ENV{MAILTRACK_SHOTS}, extra => $ENV{SHOTS_EXTRA});
    done_testing;
    exit;
}

my $t = Mailtrack::Browser::server();
Mailtrack::Browser::add_user($t, 'admin', '--role', 'admin');

{
    my $answer = $t->get('/analytics', key => undef);
    my $header = $answer->{headers};
    is $answer->{status}, 200, 'a page';
    like $header->{'content-security-policy'}, qr/default-src 'none'/,
      'has a policy';
    unlike $header->{'content-security-policy'}, qr/unsafe|\*/, 'without holes';
    is $header->{'x-content-type-options'}, 'nosniff', 'is not guessed at';
    is $header->{'referrer-policy'}, 'no-referrer', 'tells nobody';
    is $header->{'cache-control'}, 'no-cache', 'is asked for each time';
    is $t->get('/app.js', key => undef,
        headers => { 'If-None-Match' =>
          $t->get('/app.js', key => undef)->{headers}{etag} })->{status}, 304,
      'and answered without a body when it has not changed';
    for my $path ('/nothing', '/mail/', '/pages/', '/package.json',
        '/vendor.sh', '/mails/x') {
        is $t->get($path, key => undef)->{status}, 404,
          "no such page: $path";
    }
}

Mailtrack::Browser::run($t, 'run.mjs');

subtest 'below a path' => sub {
    my $below = Mailtrack::Browser::server(base_path => '/mail/track');
    Mailtrack::Browser::add_user($below, 'admin', '--role', 'admin');
    Mailtrack::Browser::run($below, 'below.mjs');
};

done_testing;
