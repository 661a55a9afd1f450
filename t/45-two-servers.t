#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# Two httpd that share a spool and a store, as by mistake or while one takes
# over from the other: one drains at a time, each hit is stored once, and a
# server that is killed leaves its hits to the other.

use Mailtrack::Load;
use Mailtrack::Test;
use Time::HiRes qw(sleep);

my $one = Mailtrack::Test->new;
my @ids = map { $one->create->{id} } 1 .. 20;
my ($spool, $store) = ($one->spool, $one->store);
my $two = Mailtrack::Test->new(store => 0,
    config => "MailtrackSpool $spool\nDBDParams $store");

my @load = map {
    Mailtrack::Load->start($_, ids => \@ids, clients => 2, pause => 0.002)
} $one, $two;
for my $round (1 .. 3) {
    sleep 1;
    my $t = $round % 2 ? $one : $two;
    $t->kill9_server;
    sleep 0.5;
    $t->start;
}
sleep 1;
for my $load (@load) { $load->stop }
ok $one->drained(20), 'all is drained';
for my $load (@load) {
    is_deeply [ $load->faults($one) ], [], 'each hit once';
}
my ($code, $said) = $one->ctl('verify');
is $code, 0, 'every counter agrees' or diag $said;
is_deeply [ map { $_->get('/health', key => undef)->{json}{status} }
      $one, $two ], [ 'ok', 'ok' ], 'both are well';

done_testing;
