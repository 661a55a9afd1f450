#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# What the drain goes through: torn lines, segments of the dead, lines that no
# store takes, unknown ids by the thousand, a store that is locked, moved away,
# replaced, empty, foreign, old or new, disks that are full, children that end.

use Mailtrack::Test;
use Mailtrack::Load;
use Mailtrack::Proc qw(spawn reap run_command wait_until);
use File::Copy qw(copy move);
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

my $serial = 0;

# A line as the hit path writes it.
sub line {
    my ($id, %field) = @_;
    return join("\t", 1, int(($field{at} // time()) * 1e6), $id,
        $field{address} // '127.0.0.1', 'GET', '-', $field{agent} // 'made',
        '', '', '', '', '', '.') . "\n";
}

# A segment of a child that is dead.
sub segment {
    my ($t, $bytes, $spool) = @_;
    my $name = sprintf '%08x-1111-4111-8111-%012x', $$, ++$serial;
    my $dir = $spool // $t->spool;
    my ($uid, $gid) = $> == 0 ? (getpwnam 'www-data')[2, 3] : ($>, $) + 0);
    open my $file, '>:raw', "$dir/.$name.made" or die "$dir: $!";
    print {$file} $bytes;
    close $file;
    chmod 0640, "$dir/.$name.made";
    chown $uid, $gid, "$dir/.$name.made";
    rename "$dir/.$name.made", "$dir/$name.seg" or die "$name: $!";
    return "$dir/$name.seg";
}

sub count {
    my ($t, $where, $store) = @_;
    return ($t->sql('SELECT count(*) AS n FROM opens'
        . ($where ? " WHERE $where" : ''), $store))[0]{n};
}

sub health { return $_[0]->get('/health', key => undef) }

sub spool_state {
    return $_[0]->get('/health?check=pixel', key => undef)->{json}{spool};
}

sub slurp {
    open my $file, '<:raw', $_[0] or return '';
    local $/;
    return scalar(<$file>) // '';
}

sub gone { my ($t, $path) = @_; return $t->wait_for(sub { !-e $path }, 5) }

my @trouble = (qr/mailtrack: hits wait in/,
    qr/mailtrack: hits cannot be written/,
    qr/\[dbd:error\]/, qr/AH00632|AH00633|AH00629|AH00630/);

# -- segments and lines -------------------------------------------------------

{
    my $t = Mailtrack::Test->new;
    my ($id, $other) = $t->mails(2);
    $t->expect(@trouble);

    my $dead = segment($t, line($id) . line($other));
    ok gone($t, $dead), 'a segment from a dead child is read and removed';
    is count($t), 2, 'its lines are stored';
    my $whole = line($id);
    $dead = segment($t, line($id) . substr $whole, 0, length($whole) / 2);
    ok gone($t, $dead), 'a torn last line does not keep the file';
    is count($t), 3, 'and is not stored';
    ok !-e $t->spool . '/rejected', 'nor kept: it was never answered';
    $dead = segment($t, '');
    ok gone($t, $dead), 'an empty segment goes';

    my @bad = ("\n", "garbage\n", "1\t2\t3\n", "\0\0\0\n", "\xff" x 100 . "\n",
        'x' x 20_000 . "\n", substr($whole, 0, 60) . "\n",
        substr($whole, 0, 60) . $whole, line('not-an-id'), "2" . substr $whole, 1);
    $dead = segment($t, join '', map { line($id, agent => 'good') . $_ } @bad);
    ok gone($t, $dead), 'garbage between good lines';
    is count($t, "user_agent = 'good'"), scalar @bad, 'costs no good line';
    is slurp($t->spool . '/rejected'), join('', @bad), 'and is put aside once';
    $dead = segment($t, 'y' x 2_500_000 . "\n" . line($id, agent => 'after'));
    ok gone($t, $dead), 'a line longer than is read at once';
    is count($t, "user_agent = 'after'"), 1, 'costs itself alone';
    is spool_state($t)->{rejected}, @bad + 3, 'each is counted';

    my $wild = line($id, agent => '%FF%FE%ED%A0%80 caf%C3%A9%01%7F',
        address => 'a%00b', at => 1_700_000_000);
    ok gone($t, segment($t, $wild)), 'bytes that are no text';
    my ($row) = $t->sql('SELECT * FROM opens ORDER BY id DESC LIMIT 1');
    like $row->{user_agent}, qr/caf\x{e9}/, 'become text';
    is $row->{opened_at}, 1_700_000_000_000_000, 'at the time of the hit';

    mkdir $t->spool . '/directory.seg';
    my $closed = segment($t, line($id, agent => 'closed'));
    if ($> == 0) { chown 0, 0, $closed; chmod 0600, $closed }
    else         { chmod 0, $closed }
    $t->hit($id);
    ok $t->wait_for(sub { count($t, "user_agent LIKE '%Thunderbird%'") == 1 }),
      'a segment that cannot be read stops nobody';
    chmod 0666, $closed;
    ok gone($t, $closed), 'it is taken as soon as it can be';
    is count($t, "user_agent = 'closed'"), 1, 'and stored';

    my $before = spool_state($t)->{unknown_ids};
    $dead = segment($t, join '', map {
        line(sprintf 'ffffffff-0000-4000-8000-%012x', $_)
    } 1 .. 10_000);
    ok gone($t, $dead), '10,000 unknown ids';
    is spool_state($t)->{unknown_ids} - $before, 10_000, 'are counted';
    is count($t), 3 + @bad + 4, 'and dropped';
}

# -- lines that the store refuses ---------------------------------------------

{
    my $t = Mailtrack::Test->new;
    my ($id) = $t->mails(1);
    $t->sql("CREATE TRIGGER poison BEFORE INSERT ON opens WHEN"
        . " NEW.user_agent = 'poison' BEGIN SELECT RAISE(ABORT, 'no'); END;"
        . " CREATE UNIQUE INDEX once ON opens (user_agent)"
        . " WHERE user_agent = 'once'");
    my $dead = segment($t, join '', map {
        line($id, agent => $_ == 333 || $_ == 999 || $_ == 1000 ? 'poison'
            : $_ == 500 || $_ == 501 ? 'once' : "a$_")
    } 1 .. 1500);
    ok gone($t, $dead), 'a poison line does not stop the drain';
    is count($t), 1496, 'the others are stored';
    is count($t, "user_agent = 'once'"), 1, 'a unique key is no conflict';
    my @aside = split /\n/, slurp($t->spool . '/rejected');
    is scalar(@aside), 4, 'those are put aside';
    is scalar(grep { /\tpoison\t|\tonce\t/ } @aside), 4, 'and none other';
    is +($t->sql('SELECT open_count AS n FROM tracked_emails'))[0]{n}, 1496,
      'counters agree';

    unlink $t->spool . '/rejected';
    mkdir $t->spool . '/rejected';
    $t->expect(qr{a spool line was lost .*/rejected cannot be written});
    $dead = segment($t, line($id, agent => 'poison') . line($id));
    ok gone($t, $dead), 'nor when it cannot be put aside';
    is count($t), 1497, 'the good one is stored';
}

# -- a spool without its name -------------------------------------------------

{
    my $t = Mailtrack::Test->new(start => 0);
    my ($id) = $t->mails(1);
    $t->expect(qr/mailtrack: hits wait in .*node/);
    mkdir $t->spool . '/node' or die;       # offsets are kept by what it says
    $t->start;
    is $t->hit($id), 200, 'no node can be made: pixels go on';
    ok $t->wait_for(sub { $t->error_log =~ /hits wait in .*node/ }, 5),
      'the log says that they wait';
    is count($t), 0, 'and they do';
    rmdir $t->spool . '/node';
    ok $t->wait_for(sub { count($t) == 1 }, 5), 'it heals by itself';
    $t->graceful;
    $t->hit($id);
    ok $t->drained, 'and after a reload';
    is count($t), 2, 'every hit is there once';
}

# -- a store that is not to be had --------------------------------------------

sub healthy { return health($_[0])->{status} }

{
    my $t = Mailtrack::Test->new;
    my @ids = $t->mails(20);
    $t->expect(@trouble);
    my $load = Mailtrack::Load->start($t, ids => \@ids, clients => 3,
        pause => 0.002);
    open my $cli, '|-', 'sqlite3', $t->store or die;
    $cli->autoflush(1);
    print {$cli} "BEGIN EXCLUSIVE;\n";
    sleep 10;
    my $under = $load->progress;
    cmp_ok $under, '>', 1000, 'a locked store for 10 s: pixels are answered';
    print {$cli} "ROLLBACK;\n";
    close $cli;
    sleep 0.3;
    $load->stop;
    ok $t->drained(20), 'it heals by itself';
    is_deeply [ $load->faults($t) ], [], 'with every hit once';

    $load = Mailtrack::Load->start($t, ids => \@ids, clients => 3,
        pause => 0.002);
    sleep 0.5;
    my $dir = "$t->{dir}/store";
    rename $dir, "$dir.away" or die;
    ok $t->wait_for(sub { healthy($t) == 503 }, 5), 'moved away: 503';
    like health($t)->{json}{remedy}, qr/mailtrackctl .*init/, 'with the way out';
    my $answer = $t->get('/api/tracks');
    is $answer->{status}, 503, 'the API says it, too';
    like $answer->{headers}{'content-type'}, qr{^application/problem\+json},
      'in the form of a problem';
    is $t->get('/health?check=pixel', key => undef)->{status}, 200,
      'pixels go on';
    sleep 10;
    ok !-e "$dir/mailtrack.db", 'nobody makes an empty one';
    rename "$dir.away", $dir or die;
    sleep 0.3;
    $load->stop;
    ok $t->drained(20), 'back again: it heals by itself';
    is_deeply [ $load->faults($t) ], [], 'with every hit once';
    is healthy($t), 200, 'and says so';

    # a copy made while running takes the place of the store
    $t->sql("VACUUM INTO '$t->{dir}/copy.db'");
    my ($uid, $gid) = (stat $t->store)[4, 5];
    chown $uid, $gid, "$t->{dir}/copy.db";
    chmod 0660, "$t->{dir}/copy.db";
    $t->hit($ids[0], 'User-Agent' => 'before');
    $t->drained;
    unlink map { $t->store . $_ } '-wal', '-shm';
    rename "$t->{dir}/copy.db", $t->store or die;
    $t->hit($ids[0], 'User-Agent' => 'after');
    ok $t->wait_for(sub { count($t, "user_agent = 'after'") == 1 }, 10),
      'replaced by a copy: the next hit is in it';
    is healthy($t), 200, 'without a restart';
    $load = Mailtrack::Load->start($t, ids => \@ids, count => 100);
    $load->wait;
    ok $t->drained(20), 'and so is what follows';
    is_deeply [ $load->faults($t) ], [], 'each once';
}

# what is in the store's place, how it is told, how it is mended
my %odd = (
    'an empty file' => [ sub { open my $f, '>', $_[0] or die }, qr/init/ ],
    'no database' => [ sub { open my $f, '>', $_[0] or die;
        print {$f} 'not a database, but long enough to look like one ' x 50 },
        qr/DBDParams/ ],
    'a foreign database' => [ sub { system('sqlite3', $_[0],
        'CREATE TABLE theirs (a)') }, qr/DBDParams/ ],
    'a newer schema' => [ sub { copy($_[1], $_[0]); system('sqlite3', $_[0],
        'UPDATE schema_migrations SET version = version + 99') },
        qr/release/ ],
    'an older schema' => [ sub { copy($_[1], $_[0]); system('sqlite3', $_[0],
        'DELETE FROM schema_migrations WHERE version = (SELECT max(version)'
          . ' FROM schema_migrations)') }, qr/migrate/ ],
    'a directory' => [ sub { mkdir $_[0] }, qr/./ ],
);
for my $what (sort keys %odd) {
    my ($make, $remedy) = @{ $odd{$what} };
    my $t = Mailtrack::Test->new(start => 0);
    my ($id) = $t->mails(1);
    $t->expect(@trouble);
    $t->sql('PRAGMA wal_checkpoint(TRUNCATE)');
    my $good = "$t->{dir}/good.db";
    my ($uid, $gid) = (stat $t->store)[4, 5];
    my $put = sub {
        unlink map { $t->store . $_ } '', '-wal', '-shm';
        rmdir $t->store;
        if ($_[0]) { $make->($t->store, $good) }
        else       { copy($good, $t->store) or die }
        chown $uid, $gid, $t->store;
        chmod 0660, $t->store if !-d $t->store;
    };
    move($t->store, $good);
    $put->(1);
    $t->start;
    is healthy($t), 503, "$what at start: 503";
    like health($t)->{json}{remedy}, $remedy,
      "$what: with the way out";
    is $t->hit($id), 200, "$what: pixels go on";
    $t->graceful;
    is healthy($t), 503, "$what at a reload: 503";
    is $t->hit($id), 200, "$what: pixels go on";
    $put->(0);
    ok $t->wait_for(sub { healthy($t) == 200 }, 5), "$what: healed";
    ok $t->wait_for(sub { count($t) == 2 }, 5), "$what: both hits are stored";
    $put->(1);
    ok $t->wait_for(sub { healthy($t) == 503 }, 5), "$what later: 503";
    is $t->hit($id), 200, "$what: pixels go on";
    sleep 0.3;
    $put->(0);
    ok $t->wait_for(sub { healthy($t) == 200 }, 5), "$what: healed";
    ok $t->wait_for(sub { count($t, "recorded_at > 0") >= 1 }, 5),
      "$what: the hit is stored";
    $t->expect(qr/mailtrack|dbd/);
}

# -- full disks ---------------------------------------------------------------

SKIP: {
    my $mount = File::Temp::mkdtemp('/tmp/mt-disk-XXXXXX');
    if ($> != 0 || system("mount -t tmpfs -o size=512k none $mount 2>/dev/null")) {
        rmdir $mount;
        skip 'no tmpfs can be mounted here', 1;
    }
    my $end = sub { system("umount $mount"); rmdir $mount };
    eval { full_disks($mount); 1 } or do { my $why = $@; $end->(); die $why };
    $end->();
}

sub full_disks {
    my ($mount) = @_;
    my $t = Mailtrack::Test->new(start => 0);
    my @ids = $t->mails(20);
    $t->expect(@trouble, qr/cannot be synced/);
    my ($uid, $gid) = (getpwnam 'www-data')[2, 3];
    mkdir "$mount/spool";
    chown $uid, $gid, "$mount/spool";
    $t->{config} = "MailtrackSpool $mount/spool";
    rename "$t->{dir}/store", "$t->{dir}/store.away";   # nothing is drained
    $t->start;
    my $load = Mailtrack::Load->start($t, ids => \@ids, count => 2500);
    $load->wait;
    is $load->answered, 10_000, 'spool full: every pixel is answered';
    my $state = spool_state($t);
    cmp_ok $state->{lost}, '>', 100, "$state->{lost} hits are lost, counted";
    is $state->{hits} + $state->{lost}, 10_000, 'and no other';
    ok $state->{last_lost_at}, 'with the time of the last';
    rename "$t->{dir}/store.away", "$t->{dir}/store";
    ok $t->wait_for(sub { count($t) == $state->{hits} }, 20),
      'the store is back: all written hits are stored';
    is_deeply [ $load->faults($t, lost => $state->{lost}) ], [], 'each once';
    ok !-s "$mount/spool/rejected", 'and no torn line among them';
    $load = Mailtrack::Load->start($t, ids => \@ids, count => 100);
    $load->wait;
    ok $t->drained(20, spool => "$mount/spool"), 'there is room again';
    is_deeply [ $load->faults($t) ], [], 'and nothing is lost any more';
    $t->finish;

    # the store's disk
    system("rm -rf $mount/*");
    $t = Mailtrack::Test->new(start => 0);
    @ids = $t->mails(20);
    $t->expect(@trouble);
    system("mount -o remount,size=2m $mount; cp -a $t->{dir}/store $mount/");
    open my $filler, '>', "$mount/filler" or die;
    $filler->autoflush(1);
    $t->{config} = "DBDParams $mount/store/mailtrack.db";
    $t->start;
    print {$filler} 'x' x 4096 for 1 .. 600;
    $load = Mailtrack::Load->start($t, ids => \@ids, count => 1000);
    $load->wait;
    is $load->answered, 4000, 'store full: every pixel is answered';
    ok $t->wait_for(sub { $t->error_log =~ /hits wait in/ }, 10),
      'the log says that they wait';
    close $filler;
    unlink "$mount/filler";
    system("mount -o remount,size=64m $mount");
    my $store = "$mount/store/mailtrack.db";
    ok $t->drained(20, store => $store), 'room again: it heals by itself';
    is_deeply [ $load->faults($t, store => $store) ], [], 'each once';
    is spool_state($t)->{lost}, 0, 'none was lost';
    $t->finish;
}

# -- children come and go -----------------------------------------------------

{
    my $t = Mailtrack::Test->new(children => 3, threads => 4);
    my @ids = $t->mails(20);
    $t->hit($ids[0]);
    $t->drained;
    my $drainer = sub {
        my $lock = (stat $t->spool . '/drain.lock')[1];
        open my $locks, '<', '/proc/locks' or die;
        my ($pid) = map { /FLOCK\s+ADVISORY\s+WRITE\s+(\d+)\s+\S+:$lock / }
          <$locks>;
        return $pid;
    };
    my @took;
    for my $round (1 .. 5) {
        my $pid = $drainer->() or next;
        $t->kill9_child($pid);
        my $at = time();
        $t->hit($ids[1], 'User-Agent' => "round $round");
        $t->wait_for(sub { count($t, "user_agent = 'round $round'") }, 10);
        push @took, time() - $at;
    }
    is scalar @took, 5, 'the child that drains killed, five times';
    my ($worst) = sort { $b <=> $a } @took;
    cmp_ok $worst, '<', 1.5, sprintf 'another one drains within %.2f s', $worst;
    is count($t, "user_agent LIKE 'round%'"), 5, 'each hit is there once';

    my $load = Mailtrack::Load->start($t, ids => \@ids, clients => 3);
    for (1 .. 3) { sleep 0.3; $t->graceful }
    $load->stop;
    cmp_ok $load->answered, '>', 100, 'graceful restarts under load';
    ok $t->drained(20), 'all is stored';
    is_deeply [ $load->faults($t) ], [], 'once';

    # a slow client keeps an old child, which must not keep the drain
    my $slow = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $t->port) or die;
    print {$slow} "GET /p/$ids[0].gif HTTP/1.1\r\nHost: localhost\r\n";
    sleep 0.3;
    $t->graceful;
    my $at = time();
    $t->hit($ids[1], 'User-Agent' => 'meanwhile');
    ok $t->wait_for(sub { count($t, "user_agent = 'meanwhile'") }, 5),
      sprintf 'with an old child kept alive: drained after %.1f s',
      time() - $at;
    print {$slow} "User-Agent: slow\r\n\r\n";
    close $slow;
}

for my $mpm (qw(event prefork)) {
    my $t = Mailtrack::Test->new(mpm => $mpm, children => 3, threads => 4,
        server_config => 'MaxConnectionsPerChild 50',
        config => $mpm eq 'prefork' ? 'DBDPersist Off' : '');
    my @ids = $t->mails(20);
    my $load = Mailtrack::Load->start($t, ids => \@ids, clients => 3,
        reuse => 2, count => 600);
    $load->wait;
    cmp_ok $load->answered, '>', 1700, "$mpm: children recycled under load";
    ok $t->drained(30), "$mpm: all is stored";
    is_deeply [ $load->faults($t) ], [], "$mpm: once";
}

done_testing;
