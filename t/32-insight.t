#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# What the pages say of mails and people: a mail in words, pinned mails on top,
# files of exactly what a list shows, "that was me", and its way back.

use strict;
use warnings;
use Mailtrack::Test;
use JSON::PP ();
use POSIX ();
use Time::HiRes qw(sleep time);

my $t = Mailtrack::Test->new;
my ($true, $false) = (JSON::PP::true, JSON::PP::false);
my $track_key = $t->make_key('extension', 'track');
my $apple = 'Mozilla/5.0';
my $google = 'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 '
  . '(via ggpht.com GoogleImageProxy)';

sub mail { return $t->get("/api/tracks/$_[0]")->{json} }

sub verify {
    my ($what) = @_;
    my ($exit, $out) = $t->ctl('verify');
    is $exit, 0, "every counter is true: $what" or diag $out;
}

# All ids of a list, page by page.
sub ids {
    my ($query, $limit) = @_;
    my $path = "/api/tracks?limit=$limit&$query";
    my @ids;
    for (1 .. 50) {
        my $answer = $t->get($path);
        push @ids, map { $_->{id} } @{ $answer->{json} };
        ($path) = ($answer->{headers}{link} // '')
          =~ m{<http://[^/>]+([^>]+)>; rel="next"} or return \@ids;
    }
    return ['no end'];
}

# Rows of a CSV file as arrays; cells hold no line break here.
sub rows {
    my ($path) = @_;
    my $answer = $t->get($path);
    is $answer->{status}, 200, $path or diag $answer->{content};
    my @rows;
    for my $line (split /\r\n/, $answer->{content}) {
        my @cells;
        while ($line =~ /\G(?:"((?:[^"]|"")*)"|([^,]*))(,|\z)/g) {
            push @cells, defined $1 ? $1 =~ s/""/"/gr : $2;
            last if $3 eq '';
        }
        push @rows, \@cells;
    }
    return @rows;
}

# -- a mail in words --------------------------------------------------------

my $mail = $t->create(recipient => 'Ann <ann@example.org>',
    subject => 'words', notes => '=1+1');
is $mail->{$_}, 0, "at first no $_" for qw(automated_count self_count);
is $mail->{$_}, undef, "at first no $_"
  for qw(reached last_country last_city first_open_delay);
ok !$mail->{muted}, 'not muted';
sleep 2.1;
$t->pixel($mail->{id}, 'User-Agent' => $_) for $apple, 'curl/7.88.1';
$t->request(HEAD => "/p/$mail->{id}.gif", key => undef);
ok $t->wait_for(sub { mail($mail->{id})->{open_count} == 3 }), 'three hits';
my $said = mail($mail->{id});
is $said->{automated_count} + $said->{possible_count}, 3, 'machines all';
is $said->{state}, $said->{possible_count} ? 'possible' : 'unopened',
  'nobody has read it';
is $said->{first_open_delay}, undef, 'no delay';
$t->pixel($mail->{id}) for 1, 2;
ok $t->wait_for(sub { mail($mail->{id})->{open_count} == 5 }), 'a reader';
my $read = mail($mail->{id});
is $read->{real_open_count}, 2, 'two opens';
is $read->{automated_count}, $said->{automated_count}, 'no more machines';
like $read->{first_open_delay}, qr/\A[2-9]\z/, 'seconds to the first';
is_deeply $t->get('/api/tracks?search=words')->{json}[0],
  { map { $_ => $read->{$_} } grep { !/^opens/ } keys %$read },
  'the list says the same';

# -- that was me ------------------------------------------------------------

{
    my @hits = grep { $_->{is_real_open} } @{ $read->{opens} };
    is scalar @hits, 2, 'two to claim';
    ok !$_->{self}, 'nobody claimed it' for @hits;
    is $t->patch("/api/opens/$hits[0]{id}", json => { self => $true },
        key => $track_key)->{status}, 403, 'not by a key that only tracks';
    is $t->patch("/api/opens/$_", json => { self => $true })->{status}, 404,
      "no open: $_" for '0', '01', 'x', '-1', '99999999999999999999', '1e3';
    is $t->patch("/api/opens/$hits[0]{id}", json => { self => $_ })->{status},
      422, 'true or false' for 'true', 1, undef;
    is $t->patch("/api/opens/$hits[0]{id}", json => {})->{status}, 422,
      'or nothing';
    is scalar(() = $t->sql('SELECT 1 FROM outbox')), 1, 'one event told';
    my $before = mail($mail->{id})->{updated_at};
    my $answer = $t->patch("/api/opens/$hits[0]{id}",
        json => { self => $true });
    is $answer->{status}, 200, 'that was me' or diag $answer->{content};
    is $answer->{json}{verdict}, 'self', 'the verdict';
    ok !$answer->{json}{is_real_open} && $answer->{json}{self}, 'is no open';
    is $answer->{json}{track}{real_open_count}, 1, 'one is left';
    is $answer->{json}{track}{self_count}, 1, 'and one is mine';
    is $answer->{json}{track}{automated_count}, $said->{automated_count},
      'which is no machine';
    cmp_ok $answer->{json}{track}{updated_at}, 'gt', $before,
      'the mail counts as changed';
    verify('one claimed');
    is scalar(() = $t->sql('SELECT 1 FROM outbox')), 1,
      'what was told stands: one open is left';
    $answer = $t->patch("/api/opens/$hits[1]{id}", json => { self => $true });
    is $answer->{json}{track}{real_open_count}, 0, 'both';
    isnt $answer->{json}{track}{state}, 'opened', 'nobody read it';
    is $answer->{json}{track}{first_open_at}, undef, 'ever';
    is scalar(() = $t->sql('SELECT 1 FROM outbox')), 0,
      'there is nothing to tell of';
    verify('both claimed');
    my $people = $t->get('/api/recipients/ann@example.org')->{json};
    is $people->{mails_opened}, 0, 'the person has opened nothing';
    is $t->get('/api/stats')->{json}{real_opens}, 0, 'nor has anybody';
    # a run over history by rules of another version leaves it
    $t->sql('UPDATE opens SET rules_version = 1');
    my ($exit, $out, $err) = $t->ctl('reclassify', '--rules',
        Mailtrack::Test::source_dir() . '/conf/classify.yaml');
    is $exit, 0, 'history is judged anew' or diag $err;
    is mail($mail->{id})->{self_count}, 2, 'mine they are';
    verify('reclassified');
    $t->pixel($mail->{id});
    ok $t->wait_for(sub { mail($mail->{id})->{real_open_count} == 1 }),
      'the reader comes';
    is scalar(() = $t->sql("SELECT 1 FROM outbox WHERE event = 'first_open'")),
      1, 'that is a first open, and told';
    $answer = $t->patch("/api/opens/$hits[1]{id}", json => { self => $false });
    is $answer->{json}{track}{real_open_count}, 2, 'it was not me';
    is $answer->{json}{rule}, $hits[1]{rule}, 'judged as before';
    ok !$answer->{json}{self}, 'and not mine';
    verify('given back');
    is scalar(() = $t->sql('SELECT 1 FROM outbox')), 1, 'nobody was told';
    $t->sql("UPDATE opens SET ip_address = NULL, user_agent = NULL,"
        . " referer = NULL WHERE id = $hits[0]{id}");
    is $t->patch("/api/opens/$hits[0]{id}", json => { self => $false })
      ->{status}, 409, 'what retention has emptied is not judged anew';
    is mail($mail->{id})->{self_count}, 1, 'and stays';
}

# -- mute: stored, and nothing is told --------------------------------------

{
    my $quiet = $t->create(recipient => 'quiet@example.org');
    my $answer = $t->patch("/api/tracks/$quiet->{id}",
        json => { muted => $true });
    ok $answer->{json}{muted}, 'muted';
    my ($before) = $t->sql('SELECT count(*) AS n FROM outbox');
    sleep 2.1;
    $t->pixel($quiet->{id});
    ok $t->wait_for(sub { mail($quiet->{id})->{real_open_count} == 1 }), 'read';
    $t->patch("/api/tracks/$quiet->{id}", json => { muted => $false });
    $t->pixel($quiet->{id});
    ok $t->wait_for(sub { mail($quiet->{id})->{real_open_count} == 2 }), 'again';
    my ($after) = $t->sql('SELECT count(*) AS n FROM outbox');
    is $after->{n}, $before->{n}, 'nothing told: its first open was silent';
    $t->pixel($quiet->{id});
    ok $t->wait_for(sub { mail($quiet->{id})->{real_open_count} == 3 }), 'thrice';
    is_deeply [$t->sql('SELECT event FROM outbox ORDER BY id DESC LIMIT 1')],
      [{ event => 'hot' }], 'unmuted, what comes next is told';
}

# -- pinned on top, and files of what is listed -----------------------------

{
    my @made = map { $t->create(recipient => "p$_\@example.org",
            subject => "list $_", pinned => $_ % 4 ? $false : $true) } 1 .. 23;
    my @newest = map { $_->{id} } reverse @made;
    my %pinned = map { $_->{id} => $_->{pinned} } @made;
    my @first = ((grep { $pinned{$_} } @newest), grep { !$pinned{$_} } @newest);
    my $mine = "since=$made[0]{created_at}";
    for my $limit (1, 4, 5, 6, 23, 200) {
        is_deeply ids($mine, $limit), \@newest, "newest first, by $limit";
        is_deeply ids("$mine&sort=pinned_first", $limit), \@first,
          "pinned first, by $limit";
        is_deeply ids("search=list&sort=pinned_first", $limit), \@first,
          "found, pinned first, by $limit";
    }
    is_deeply ids("$mine&sort=pinned_first&pinned=false", 7),
      [grep { !$pinned{$_} } @newest], 'with the other half left out';
    is $t->get("/api/tracks?sort=pinned_first&cursor=$_")->{status}, 422,
      "a cursor of another list: $_" for 'p.x', 'x', 'u.x', 'YzoxOjI';
    for my $query ($mine, "$mine&sort=pinned_first", "$mine&pinned=true",
        'search=list', 'filter=opened', 'recipient=p3@example.org',
        'search=nothing') {
        my ($head, @rows) = rows("/api/export/tracks.csv?$query");
        is_deeply [map { $_->[0] } @rows], ids($query, 200),
          "the file is the list: $query";
        my ($columns, @hits) = rows("/api/export/opens.csv?$query");
        my %seen;
        is_deeply [grep { !$seen{$_}++ } map { $_->[0] } @hits],
          $query eq $mine ? [reverse @{ ids($query, 200) }]
          : ids($query, 200), "and so are its hits: $query";
    }
    my ($head, $row) = rows('/api/export/tracks.csv?search=words');
    my %cell;
    @cell{@$head} = @$row;
    my $now = mail($mail->{id});
    is $cell{$_}, $now->{$_}, "in the file: $_"
      for qw(id recipient subject state open_count real_open_count
      automated_count self_count first_open_delay first_open_at);
    is $cell{notes}, "'=1+1", 'a formula is none';
    my (undef, @hits) = rows('/api/export/opens.csv?search=words');
    is_deeply [map { $_->[4] } @hits],
      [map { $_->{id} } sort { $a->{opened_at} cmp $b->{opened_at}
              || $a->{id} <=> $b->{id} } @{ $now->{opens} }],
      'every hit, oldest first';
}

# -- people: score, habits, quiet, erased --------------------------------------

{
    my $near = sub { abs($_[0] - $_[1]) <= 0.11 };
    my %person = map { $_->{address} => $_ }
      @{ $t->get('/api/recipients?limit=200')->{json} };
    is $person{'p3@example.org'}{score}{value}, 0, 'opened nothing: 0';
    my $quiet = $t->get('/api/recipients/quiet@example.org')->{json};
    is_deeply $quiet->{score}, { value => 100, open_rate => 50, recency => 25,
        consistency => 25 }, 'opened all, today: 100';
    ok !$quiet->{muted}, 'not muted';
    my ($opened) = $quiet->{last_open_at} =~ /T0?(\d+):/;
    is $quiet->{opening_hours}[$opened] + $quiet->{opening_hours}[$opened - 1],
      1, 'the hour of its first open';
    like $quiet->{median_first_open}, qr/\A\d\z/, 'within seconds';
    my $kolkata = $t->get('/api/recipients/quiet@example.org?tz=%2B05:30');
    my $there = (($opened + 5) % 24, ($opened + 6) % 24)[
      ($quiet->{last_open_at} =~ /T..:([3-5])/) ? 1 : 0];
    is $kolkata->{json}{opening_hours}[$there]
      + $kolkata->{json}{opening_hours}[$there - 1], 1, 'by the clock there';
    is $t->get('/api/recipients/quiet@example.org?tz=Nowhere')->{status}, 422,
      'no zone';
    my @made = map { $t->create(recipient => 'some@example.org',
            subject => "s$_") } 1 .. 24;
    is $t->get('/api/recipients/some@example.org')->{json}{score}{value}, 0,
      'nothing yet';
    sleep 2.1;
    $t->pixel($made[$_]{id}) for 0, 1, 2, 23;
    ok $t->wait_for(sub { $t->get('/api/recipients/some@example.org')
              ->{json}{mails_opened} == 4 }), 'four opened';
    my $some = $t->get('/api/recipients/some@example.org')->{json};
    my %want = (open_rate => 50 * 4 / 24, consistency => 25 * 1 / 20,
        recency => 25);
    ok $near->($some->{score}{$_}, $want{$_}), "points for $_"
      or diag $some->{score}{$_} for sort keys %want;
    ok $near->($some->{score}{value}, 25 + 50 * 4 / 24 + 25 / 20), 'the sum';
    verify('scores');
    is scalar @{ $some->{tracks} }, 20, 'the newest mails';
    my ($more) = $some->{tracks_next} =~ m{\Ahttp://[^/]+(/.*)}
      or fail 'no more mails';
    is_deeply [map { $_->{subject} } @{ $t->get($more)->{json} }],
      [qw(s4 s3 s2 s1)], 'and those before';
    my @sorted = map { $_->{address} }
      @{ $t->get('/api/recipients?sort=score&limit=200')->{json} };
    is $sorted[0], 'quiet@example.org', 'the best';
    my @pages;
    my $path = '/api/recipients?sort=score&limit=3';
    while ($path) {
        my $answer = $t->get($path);
        push @pages, map { $_->{address} } @{ $answer->{json} };
        ($path) = ($answer->{headers}{link} // '')
          =~ m{<http://[^/>]+([^>]+)>; rel="next"};
    }
    is_deeply \@pages, \@sorted, 'page by page';
    my $answer = $t->patch('/api/recipients/Some@example.org',
        json => { muted => $true });
    ok $answer->{json}{muted}, 'muted';
    my ($before) = $t->sql('SELECT count(*) AS n FROM outbox');
    $t->pixel($made[5]{id});
    ok $t->wait_for(sub { mail($made[5]{id})->{real_open_count} == 1 }), 'read';
    my ($after) = $t->sql('SELECT count(*) AS n FROM outbox');
    is $after->{n}, $before->{n}, 'and nobody told';
    my $both = $t->create(recipient => 'some@example.org, other@example.org');
    sleep 2.1;
    $t->pixel($both->{id});
    ok $t->wait_for(sub { mail($both->{id})->{real_open_count} == 1 }), 'read';
    is scalar(() = $t->sql("SELECT 1 FROM outbox o JOIN tracked_emails t ON"
        . " t.id = o.track_id WHERE t.public_id = '$both->{id}'")), 1,
      'a mail to somebody else too is told of';
    is $t->delete('/api/recipients/some@example.org', key => $track_key)
      ->{status}, 403, 'a key that tracks erases nobody';
    $answer = $t->delete('/api/recipients/SOME@example.org');
    is_deeply [@{ $answer->{json} }{qw(mails_deleted mails_changed
          opens_deleted)}], [24, 1, 5], 'erased';
    is $t->get('/api/recipients/some@example.org')->{status}, 404, 'gone';
    is mail($both->{id})->{recipient}, 'other@example.org', 'also from there';
    verify('somebody erased');
}

# -- what I want to be told ---------------------------------------------------

{
    $t->ctl({ stdin => "correct horse\n" }, 'user', 'add', $_) for 'ann', 'bob';
    my %origin = (Origin => $t->url('') =~ s{/\z}{}r);
    my %own = map {
        my $in = $t->post('/api/session', key => undef, headers => {%origin},
            json => { username => $_, password => 'correct horse' });
        my ($cookie) = ($in->{headers}{'set-cookie'} // '') =~ /^([^;]+)/;
        ($_ => [key => undef, headers => { %origin, Cookie => $cookie }]);
    } 'ann', 'bob';
    my $get = sub { $t->get('/api/notifications', @{ $own{ $_[0] } })->{json} };
    my $put = sub { $t->request(PUT => '/api/notifications', @{ $own{ann} },
            json => $_[0]) };
    my $first = $get->('ann');
    is_deeply [map { my $e = $_; map { $first->{events}{$e}{$_} ? 1 : 0 }
          qw(email discord webhook ntfy) } qw(first_open hot revived
        follow_up)], [(1) x 4, (0) x 12], 'first opens, nothing else';
    is $first->{quiet}, undef, 'at any hour';
    is $t->get('/api/notifications')->{status}, 403, 'a key is nobody';
    my $quiet = { from => '22:30', to => '07:05', tz => 'Europe/Berlin' };
    my $answer = $put->({ events => { hot => { ntfy => $true },
          first_open => { email => $false } }, quiet => $quiet });
    is $answer->{status}, 200, 'changed' or diag $answer->{content};
    is_deeply $get->('ann'), $answer->{json}, 'and kept';
    is_deeply $answer->{json}{quiet}, $quiet, 'quiet hours';
    ok $answer->{json}{events}{hot}{ntfy}
      && !$answer->{json}{events}{first_open}{email}
      && $answer->{json}{events}{first_open}{ntfy}
      && !$answer->{json}{events}{revived}{email}, 'what was asked for';
    is_deeply $get->('bob'), $first, 'another has their own';
    is $put->(@$_)->{status}, 422, "refused: " . JSON::PP->new->canonical
      ->encode($_->[0]) for map { [$_] } { events => [] }, { events =>
        { never => {} } }, { events => { hot => { fax => $true } } },
      { events => { hot => { email => 1 } } }, { events => { hot => $true } },
      { quiet => { %$quiet, from => '24:00' } }, { quiet => { %$quiet,
        to => '22:30' } }, { quiet => { %$quiet, tz => 'Mars/Base' } },
      { quiet => { from => '22:00' } }, { quiet => { %$quiet, x => 1 } },
      { other => 1 };
    is_deeply $get->('ann'), $answer->{json}, 'which changed nothing';
    is_deeply $put->({})->{json}, $first, 'nothing given: the defaults';
    $put->({ quiet => $quiet });
    my ($exit, undef, $err) = $t->ctl('user', 'remove', 'ann');
    is $exit, 0, 'a user goes' or diag $err;
    is scalar(() = $t->sql('SELECT 1 FROM notification_prefs UNION ALL'
        . ' SELECT 1 FROM notification_quiet')), 0, 'with their wishes';
}

# -- figures by local hours, across clock changes -----------------------------

# Two years of mails and opens, put there by SQL; sums made as migrations do.
sub fill {
    my ($from, $mails) = @_;
    my (@made, @opens, @sql);
    srand 7;
    for my $i (1 .. $mails) {
        my $at = $from + int rand 63_000_000;
        my $seen = 0;
        my $first;
        for (1 .. int rand 4) {
            my $open = $at + int exp rand 14;
            my $counts = int rand 3;
            my $place = int rand 5;
            push @opens, [$open, $counts, $place];
            push @sql, "INSERT INTO opens (track_id, opened_at, recorded_at,"
              . " method, country, city, verdict, counts, rule, vendor,"
              . " context, rules_version) VALUES ($i + 100000, ${open}000000,"
              . " ${open}000000, 'GET', 'C$place', 'T$place', 0, $counts, 'r',"
              . " '', 0, 1);";
            $seen = $counts if $counts > $seen;
            $first = $open if $counts == 2 && $open < ($first // 9e18);
        }
        push @made, [$at, $seen, defined $first ? $first - $at : undef];
        unshift @sql, "INSERT INTO tracked_emails (id, public_id, created_at,"
          . " updated_at, recipient, subject, notes) VALUES ($i + 100000,"
          . " printf('%036d', $i), ${at}000000, 1, 'r', 's', '');";
    }
    my $counts = "UPDATE tracked_emails SET (open_count, real_open_count,"
      . " possible_count, first_open_at, last_open_at, last_hit_at, seen,"
      . " last_country, last_city) = (SELECT count(*), coalesce(sum(counts ="
      . " 2), 0), coalesce(sum(counts = 1), 0), min(CASE WHEN counts = 2 THEN"
      . " opened_at END), max(CASE WHEN counts = 2 THEN opened_at END),"
      . " max(opened_at), coalesce(max(counts), 0), (SELECT country FROM opens"
      . " p WHERE p.track_id = tracked_emails.id AND p.counts = 2 ORDER BY"
      . " opened_at DESC, id DESC LIMIT 1), (SELECT city FROM opens p WHERE"
      . " p.track_id = tracked_emails.id AND p.counts = 2 ORDER BY opened_at"
      . " DESC, id DESC LIMIT 1) FROM opens WHERE track_id ="
      . " tracked_emails.id) WHERE id > 100000;";
    for my $width (900, 3600, 10800, 86400, 345600, 1382400,
        11059200) {
        my $step = $width * 1_000_000;
        push @sql, "INSERT INTO open_rollups (width, bucket, node, mails,"
          . " mails_opened, mails_possible) SELECT $width, created_at -"
          . " created_at % $step, 'made', count(*), sum(seen = 2),"
          . " sum(seen = 1) FROM tracked_emails WHERE id > 100000 GROUP BY 2;",
          "INSERT INTO open_rollups (width, bucket, node, opens, possible,"
          . " human) SELECT $width, opened_at - opened_at % $step, 'hits',"
          . " sum(counts = 2), sum(counts = 1), count(*) FROM opens WHERE"
          . " track_id > 100000 GROUP BY 2;";
        my @cases = map { "sum(d >= $_->[0] AND d < $_->[1])" }
          ([-9e15, 6e7], [6e7, 3e8], [3e8, 9e8], [9e8, 3.6e9],
            [3.6e9, 1.44e10], [1.44e10, 8.64e10], [8.64e10, 2.592e11],
            [2.592e11, 6.048e11], [6.048e11, 9e15]);
        push @sql, "INSERT INTO open_rollups (width, bucket, node, first_1m,"
          . " first_5m, first_15m, first_1h, first_4h, first_1d, first_3d,"
          . " first_7d, first_later) SELECT $width, created_at - created_at %"
          . " $step, 'first', " . join(', ', @cases) . " FROM (SELECT"
          . " created_at, first_open_at - created_at AS d FROM tracked_emails"
          . " WHERE id > 100000 AND first_open_at IS NOT NULL) GROUP BY 2;";
        next if $width < 86400;
        push @sql, map { "INSERT INTO place_rollups (width, bucket, country,"
          . " city, node, opens) SELECT $width, opened_at - opened_at % $step,"
          . " country, $_, 'hits', count(*) FROM opens WHERE counts = 2 AND"
          . " track_id > 100000 GROUP BY 2, 3, 4;" } "''", 'city';
    }
    my $after = first_rollup(@sql);
    $t->sql(join "\n", 'BEGIN;', @sql[0 .. $after - 1], $counts,
        @sql[$after .. $#sql], 'COMMIT;');
    return (\@made, \@opens);
}

sub first_rollup { my $n = 0; $n++ until $_[$n] =~ /open_rollups/; return $n }

{
    my $from = 1_700_000_000;
    $t->sql("DELETE FROM $_") for qw(outbox opens search_words
      email_recipients tracked_emails recipients open_rollups place_rollups);
    my ($made, $opens) = fill($from, 4000);
    verify('figures put there by SQL');
    for my $zone ('Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'UTC') {
        local $ENV{TZ} = $zone;
        POSIX::tzset();
        for my $span (['2023-12-01', '2025-11-10'], ['2024-03-25', '2024-04-05'],
            ['2024-10-20', '2024-11-10'], ['2024-03-31', '2024-03-31'],
            ['2025-03-09', '2025-03-09']) {
            my ($first, $last) = map { POSIX::mktime(0, 0, 0,
                    (split /-/)[2, 1, 0]) } map { my @d = split /-/;
                sprintf '%d-%d-%d', $d[0] - 1900, $d[1] - 1, $d[2] } @$span;
            $last = POSIX::mktime(0, 0, 0, (localtime $last)[3] + 1,
                (localtime $last)[4, 5]);
            my (@mails, @read, %place, @class, %slot);
            for my $day (0 .. 6) {
                $_->[$day] = [(0) x 24] for \@mails, \@read;
            }
            my @ends = (60, 300, 900, 3600, 14400, 86400, 259200, 604800, 9e18);
            @class = (0) x 9;
            for (grep { $_->[0] >= $first && $_->[0] < $last } @$made) {
                my @local = localtime $_->[0];
                my ($day, $hour) = (($local[6] + 6) % 7, $local[2]);
                $mails[$day][$hour]++;
                if ($_->[1] != 1) {
                    $slot{"$day $hour"}[0]++;
                    $slot{"$day $hour"}[1] += $_->[1] == 2;
                }
                next if !defined(my $delay = $_->[2]);
                my ($class) = grep { $delay < $ends[$_] } 0 .. 8;
                $class[$class]++;
            }
            for (grep { $_->[0] >= $first && $_->[0] < $last } @$opens) {
                my @local = localtime $_->[0];
                next if $_->[1] != 2;
                $read[($local[6] + 6) % 7][$local[2]]++;
                $place{"C$_->[2]"}++;
            }
            my $query = "from=$span->[0]&to=$span->[1]&tz=$zone";
            my $got = $t->get("/api/analytics?$query")->{json};
            my $what = "$zone, @$span";
            is_deeply $got->{week}{mails}, \@mails, "$what: mails by hour";
            is_deeply $got->{week}{opens}, \@read, "$what: opens by hour";
            is_deeply { map { $_->{country} => $_->{opens} }
                  @{ $got->{countries} } }, \%place, "$what: places";
            ok $got->{places_exact}, "$what: to the quarter of an hour";
            is_deeply [map { $_->{mails} }
                  @{ $got->{totals}{first_open}{classes} }], \@class,
              "$what: time to the first open";
            my @sorted = sort { $a <=> $b } map { $_->[2] // () }
              grep { $_->[0] >= $first && $_->[0] < $last } @$made;
            my $median = $got->{totals}{first_open}{median_seconds};
            my $true = $sorted[$#sorted / 2];
            ok !@sorted ? !defined $median
              : $median >= 604800 ? $true >= 259200
              : (grep { ($_ ? $ends[$_ - 1] : 0) <= $median
                  && $median <= $ends[$_] && $true < 1.5 * $ends[$_]
                  && $true * 1.5 >= ($_ ? $ends[$_ - 1] : 0) } 0 .. 8),
              "$what: a median near " . ($true // 'none');
            my $good = 1;
            for my $best (@{ $got->{best_times}{hours} }) {
                my $slot = $slot{ ($best->{weekday} - 1) . " $best->{hour}" };
                $good &&= $best->{mails} == $slot->[0] && $slot->[0] >= 20
                  && $best->{mails_opened} == $slot->[1];
            }
            ok $good, "$what: good hours with their samples";
            is scalar @{ $got->{best_times}{hours} }, 5, 'five of them'
              if (grep { $_->[0] >= 20 } values %slot) >= 5;
            my ($head, @hours) = rows("/api/export/analytics.csv?$query"
                . '&table=hours');
            is_deeply [map { @$_[2, 5] } @hours], [map { my $d = $_;
                  map { ($mails[$d][$_], $read[$d][$_]) } 0 .. 23 } 0 .. 6],
              "$what: the file says the same";
            my (undef, @countries) = rows("/api/export/analytics.csv?$query"
                . '&table=countries');
            is_deeply { map { @$_ } @countries }, \%place, "$what: and so here";
        }
    }
    my ($before) = $t->get('/api/analytics?from=2024-02-01&to=2024-02-29'
        . '&tz=Europe/Berlin')->{json}{previous};
    my $same = $t->get('/api/analytics?from=2024-01-03&to=2024-01-31'
        . '&tz=Europe/Berlin')->{json}{totals};
    is_deeply $before, $same, 'the span before has the same figures';
    my $all = $t->get('/api/analytics?from=2020-01-01&to=2025-12-31')->{json};
    is $all->{week}{from}, '2024-01-01', 'hours of the last two years';
    delete $ENV{TZ};
    POSIX::tzset();
}

verify('at the end');
done_testing;
