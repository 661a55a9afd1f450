#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# kill -9 of a child and of the whole server in the middle of load, twenty
# rounds: every answered hit is stored once, every other at most once, and the
# counters agree with the rows.

use Mailtrack::Test;
use Mailtrack::Load;
use Time::HiRes qw(sleep time);

my $t = Mailtrack::Test->new(children => 3, threads => 4);
my @ids = map { $t->create(recipient => "r$_\@example.org")->{id} } 1 .. 40;
srand 42;

sub random_child {
    my @children = $t->children;
    return @children ? $children[ rand @children ] : undef;
}

my ($answered, $doubtful) = (0, 0);
for my $round (1 .. 20) {
    my $load = Mailtrack::Load->start($t, ids => \@ids, clients => 4);
    $t->wait_for(sub { $load->progress > 20 }, 20);
    sleep rand 0.3;
    if ($round % 2) {
        for (1 .. 3) {
            my $child = random_child() or next;
            $t->kill9_child($child);
            sleep rand 0.2;
        }
    }
    else {
        $t->kill9_server;
        $load->stop;
        $t->start;
    }
    $load->stop;
    $answered += $load->answered;
    $doubtful += keys %{ $load->{doubtful} };
    $t->drained(20) or fail "round $round: the spool is not drained";
    my @faults = $load->faults($t);
    is_deeply \@faults, [], "round $round: " . $load->answered . ' answered';
}
diag "$answered hits answered, $doubtful not";
cmp_ok $answered, '>', 1000, 'there was load';

my ($sum) = $t->sql('SELECT sum(open_count) AS counted,'
    . ' (SELECT count(*) FROM opens) AS n FROM tracked_emails');
is $sum->{counted}, $sum->{n}, 'counters agree with rows';
ok $t->wait_for(sub {
    my @segments = glob $t->spool . '/*.seg';
    @segments <= 3;
}, 10), 'segments of the dead are gone';
my ($left) = $t->sql('SELECT count(*) AS n FROM spool_offsets');
cmp_ok $left->{n}, '<=', 3, 'and so are their offsets';
ok !-e $t->spool . '/rejected', 'nothing was put aside';
my ($exit, $out, $err) = $t->ctl('verify');
is $exit, 0, 'mailtrackctl verify finds nothing' or diag "$out$err";

done_testing;
