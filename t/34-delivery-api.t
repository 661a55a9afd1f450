#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# What the API says of delivery: monitors made and changed, probes, latency,
# the live monitor, alerts, channels, windows, routes of mails, /metrics. The
# store holds what mailprobe would have written.

use strict;
use warnings;
use JSON::PP ();
use Mailtrack::Routes;
use Mailtrack::Test;

my $t = Mailtrack::Test->new;
my $track_key = $t->make_key('extension', 'track');
my $absent = '00000000-0000-4000-8000-000000000000';

# Without any of it: everything answers, nothing is there.
{
    my $live = $t->get('/api/deliveries')->{json};
    is_deeply $live, { prober => { status => 'off', processes => 0,
        gone_at => undef }, open_alerts => 0, monitors => [] }, 'nothing yet';
    is_deeply $t->get("/api/$_")->{json}, [], "no $_"
      for qw(monitors alerts channels accounts windows);
    my $mail = $t->create(recipient => 'ann@example.org');
    is $t->get("/api/tracks/$mail->{id}")->{json}{route}, undef,
      'no route is known';
    is $t->get('/health')->{json}{prober}{status}, 'off', 'health: no prober';
    is $t->get('/health')->{json}{status}, 'ok', 'which is no fault';
    my $refused = $t->post('/api/monitors', json => {
        recipient => 'a@example.org', send_account => 'office' });
    is $refused->{status}, 422, 'no monitor without accounts';
    my @fields = map { $_->{field} } @{ $refused->{json}{errors} };
    is "@fields", 'send_account watch_account', 'which is said of both';
}

my %id = Mailtrack::Routes::fill($t);
my $bad = $id{'To example.org'};

# -- the live monitor ---------------------------------------------------------

{
    my $answer = $t->get('/api/deliveries');
    my $live = $answer->{json};
    is $live->{prober}{status}, 'up', 'a mailprobe is at work';
    is $live->{prober}{processes}, 1, 'one';
    is $live->{open_alerts}, 3, 'open alerts';
    my %by = map { $_->{name} => $_ } @{ $live->{monitors} };
    is_deeply [map { $_->{name} } @{ $live->{monitors} }], [sort keys %id],
      'each monitor, by name';
    my $one = $by{'To example.org'};
    is "$one->{state} $one->{alarmed}", 'missing 1', 'one fails';
    my $hours = $one->{hours};
    is scalar @{ $hours->{$_} }, 24, "its hours: $_"
      for qw(latency_us arrived failed);
    cmp_ok $hours->{failed}[-1] + $hours->{failed}[-2], '>', 0,
      'the last ones failed';
    cmp_ok $hours->{latency_us}[3], '>', 1_000_000, 'before it took its time';
    my ($first) = $t->sql("SELECT ok + slow AS n FROM probe_rollups r JOIN"
          . ' monitors m ON m.id = r.monitor_id WHERE r.width = 3600 AND'
          . " m.public_id = '$bad' ORDER BY bucket DESC LIMIT 1 OFFSET 20");
    cmp_ok scalar(grep { $_ == $first->{n} } @{ $hours->{arrived} }), '>', 5,
      'arrivals of each hour';
    cmp_ok $one->{uptime_24h}, '<', 0.98, 'uptime of a day';
    cmp_ok $one->{uptime_7d}, '>', 0.98, 'of a week';
    is $by{'Old relay'}{state}, 'paused', 'paused';
    is $by{'To the partner'}{uptime_24h}, 1, 'blind time is in no uptime';
    my $etag = $answer->{headers}{etag};
    my $again;
    # the minute may end between the two
    ok $t->wait_for(sub {
        $again = $t->get('/api/deliveries',
            headers => { 'If-None-Match' => $etag });
        $etag = $again->{headers}{etag} // $etag;
        $again->{status} == 304;
    }), '304 while nothing is new';
    $t->sql("UPDATE monitors SET state = 'late' WHERE name = 'Office to Gmail'");
    is $t->get('/api/deliveries', headers => { 'If-None-Match' => $etag })
      ->{status}, 200, 'a state has changed: not any more';
    $t->sql("UPDATE monitors SET state = 'ok' WHERE name = 'Office to Gmail'");
    $t->sql("UPDATE leases SET until = until - 2 * 86400000000");
    my $health = $t->get('/health')->{json};
    is "$health->{status} $health->{prober}{status}", 'degraded down',
      'a mailprobe that died';
    ok $health->{prober}{gone_at}, 'since when';
    $t->sql("UPDATE leases SET until = until + 2 * 86400000000");
}

# -- monitors: made, changed, deleted ------------------------------------------

{
    my $answer = $t->post('/api/monitors', json => { send_account => 'office',
        recipient => 'New@Example.NET' });
    is $answer->{status}, 201, 'made' or diag $answer->{content};
    my $one = $answer->{json};
    is $answer->{headers}{location}, $t->url("/api/monitors/$one->{id}"),
      'Location';
    is $one->{name}, 'New@Example.NET', 'its name is the address';
    is $one->{domain}, 'example.net', 'the domain';
    is $one->{watch_account}, 'office', 'watched by whom it is sent';
    is "@$one{qw(interval_seconds retry_seconds missing_after_seconds
      failures_needed successes_needed state)}", '300 60 900 2 1 new',
      'defaults';
    is $one->{late_after_seconds}, undef, 'never late';
    is $one->{told_within_seconds}, 300 + 60 + 900 + 30,
      'told within: interval, second try, missing, gathering';
    my $path = "/api/monitors/$one->{id}";
    my %set = (name => 'Renamed', interval_seconds => 60, retry_seconds => 20,
        missing_after_seconds => 120, failures_needed => 3,
        late_after_seconds => 30, alert_on => ['missing', 'late'],
        channels_off => ['team'], keep_mail => JSON::PP::true,
        muted_until => '2036-01-01T00:00:00.000000Z');
    my $now = $t->patch($path, json => {%set})->{json};
    is_deeply { map { $_ => $now->{$_} } keys %set }, {%set}, 'changed';
    is $now->{told_within_seconds}, 60 + 40 + 120 + 30, 'told sooner';
    $now = $t->patch($path, json => { channels_off => [],
        muted_until => undef, late_after_seconds => undef })->{json};
    is_deeply [@$now{qw(channels_off muted_until late_after_seconds name)}],
      [[], undef, undef, 'Renamed'], 'and taken back, the rest as it was';
    is $t->patch($path, json => { enabled => JSON::PP::false })->{json}{state},
      'paused', 'paused';
    is $t->post("$path/probe-now", json => {})->{status}, 409,
      'what is paused does not probe';
    is $t->patch($path, json => { enabled => JSON::PP::true })->{json}{state},
      'new', 'and on again';
    my $asked = $t->post("$path/probe-now", json => {});
    is $asked->{status}, 202, 'probe now';
    is $asked->{json}{prober}{status}, 'up', 'somebody will';
    my ($row) = $t->sql('SELECT probe_asked_at FROM monitors WHERE name ='
          . " 'Renamed'");
    ok $row->{probe_asked_at}, 'noted for mailprobe';

    for ([{ recipient => 'nonsense' }, 'recipient'], [{ name => '' }, 'name'],
        [{ interval_seconds => 9 }, 'interval_seconds'],
        [{ interval_seconds => 86_401 }, 'interval_seconds'],
        [{ missing_after_seconds => '60' }, 'missing_after_seconds'],
        [{ late_after_seconds => 900 }, 'late_after_seconds'],
        [{ alert_on => ['nothing'] }, 'alert_on'],
        [{ alert_on => 'missing' }, 'alert_on'],
        [{ channels_off => [1] }, 'channels_off'],
        [{ muted_until => 'later' }, 'muted_until'],
        [{ send_account => 'nobody' }, 'send_account'],
        [{ watch_account => 'nobody' }, 'watch_account'],
        [{ send_account => 'france' }, 'send_account'],
        [{ state => 'ok' }, 'state'], [{}, 'body']) {
        my ($json, $field) = @$_;
        my $refused = $t->patch($path, json => $json);
        is "$refused->{status} "
          . ($refused->{json}{errors}[0]{field} // ''), "422 $field",
          'refused: ' . JSON::PP->new->canonical->encode($json)
          or diag $refused->{content};
    }
    is $t->patch($path, json => { name => 'Old relay' })->{status}, 409,
      'a name is one monitor’s';
    is $t->get($path)->{json}{name}, 'Renamed', 'nothing of it was done';
    is $t->delete($path)->{status}, 204, 'deleted';
    is $t->get($path)->{status}, 404, 'gone';
    is $t->request($_, $path, json => { name => 'x' })->{status}, 404,
      "gone: $_" for qw(PATCH DELETE);

    my $declared = "/api/monitors/$id{'Office, internal'}";
    is $t->patch($declared, json => { enabled => JSON::PP::false })->{status},
      409, 'mailprobe.yaml has the word over what it declares';
    is $t->delete($declared)->{status}, 409, 'also here';
    is $t->patch($declared, json => { muted_until =>
        '2036-01-01T00:00:00Z' })->{json}{muted_until},
      '2036-01-01T00:00:00.000000Z', 'but it can be muted';
    $t->patch($declared, json => { muted_until => undef });
}

# -- who may -------------------------------------------------------------------

{
    for ([POST => '/api/monitors'], [PATCH => "/api/monitors/$bad"],
        [DELETE => "/api/monitors/$bad"], [POST => '/api/windows'],
        [DELETE => '/api/windows/1'], [POST => '/api/channels/inbox/test'],
        [POST => "/api/monitors/$bad/probe-now"],
        [PATCH => "/api/alerts/$absent"], [GET => '/api/accounts'],
        [GET => '/api/channels'], [GET => '/api/channels/inbox']) {
        my ($method, $path) = @$_;
        is $t->request($method, $path, key => $track_key,
            $method eq 'GET' ? () : (json => {}))->{status}, 403,
          "not by a key of scope track: $method $path";
        is $t->request($method, $path, key => undef,
            $method eq 'GET' ? () : (json => {}))->{status}, 401,
          "nor by nobody: $method $path";
    }
    is $t->get($_, key => $track_key)->{status}, 200, "but it reads $_"
      for '/api/monitors', '/api/deliveries', '/api/alerts', '/api/windows',
      '/metrics', "/api/monitors/$bad/probes", "/api/monitors/$bad/latency";
}

# -- probes ----------------------------------------------------------------------

{
    my $path = "/api/monitors/$bad/probes";
    my (@all, $next);
    my $page = $t->get("$path?limit=100");
    while (1) {
        push @all, @{ $page->{json} };
        ($next) = ($page->{headers}{link} // '') =~ /<([^>]+)>; rel="next"/;
        last if !$next;
        $page = $t->get($next =~ s/\A\Q${\ $t->url('')}\E//r);
    }
    my ($row) = $t->sql('SELECT count(*) AS n FROM probes p JOIN monitors m ON'
          . " m.id = p.monitor_id WHERE m.public_id = '$bad'");
    is scalar @all, $row->{n}, 'pages have all of them';
    my %seen;
    is scalar(grep { $seen{ $_->{id} }++ } @all), 0, 'each once';
    is_deeply [map { $_->{due_at} } @all],
      [reverse sort map { $_->{due_at} } @all], 'newest first';
    my $missing = $t->get("$path?outcome=missing&limit=200")->{json};
    is scalar @$missing, scalar(grep { $_->{outcome} eq 'missing' } @all),
      'by outcome';
    is $t->get("$path?outcome=paused")->{status}, 422, 'which it must be';
    is $t->get("$path?cursor=x")->{status}, 422, 'no cursor of ours';
    my ($good) = grep { $_->{outcome} eq 'ok' } @all;
    ok !exists $good->{hops}, 'a list is short';
    my $one = $t->get("$path/$good->{id}")->{json};
    is $one->{hops}[1]{by}, 'mx1.example.org', 'hops';
    like $one->{hops}[1]{at}, qr/\A\d{4}-.*Z\z/, 'with times as times are';
    is $one->{phases}[0]{name}, 'connect', 'phases';
    is $one->{authentication}[1]{selector}, 's2048', 'authentication';
    is $one->{sending}{code}, 250, 'what the server said';
    is $t->get("$path/$_")->{status}, 404, "no probe $_"
      for 999_999, 'x', '99999999999999999999';
    is $t->get("/api/monitors/$id{'Old relay'}/probes/$good->{id}")->{status},
      404, 'nor of another monitor';
    my $text = $t->get("$path/$good->{id}")->{content};
    my ($token) = $t->sql("SELECT token FROM probes WHERE id = $good->{id}");
    unlike $text, qr/\Q$token->{token}\E/, 'its token stays here';

    my $csv = $t->get("/api/export/probes.csv?monitor=$bad")->{content};
    my @lines = split /\r\n/, $csv;
    is scalar @lines, 1 + $row->{n}, 'CSV has all of them';
    like $lines[0], qr/\Amonitor,id,due_at,outcome/, 'and a head';
    my $since = $all[9]{due_at};
    @lines = split /\r\n/,
      $t->get("/api/export/probes.csv?monitor=$bad&since=$since")->{content};
    is scalar @lines, 11, 'since a time';
    ($row) = $t->sql('SELECT count(*) AS n FROM probes');
    @lines = split /\r\n/, $t->get('/api/export/probes.csv')->{content};
    is scalar @lines, 1 + $row->{n}, 'of all monitors';
    is $t->get("/api/export/probes.csv?monitor=$absent")->{status}, 422,
      'of no monitor';
}

# -- latency ------------------------------------------------------------------------

{
    my $path = "/api/monitors/$bad/latency";
    my $day = $t->get($path)->{json};
    is $day->{source}, 'probes', 'a day: from probes';
    my @arrived = grep { defined $_->{latency_us} } @{ $day->{points} };
    cmp_ok scalar @arrived, '>', 250, 'points';
    cmp_ok $day->{outcomes}{missing}, '>', 5, 'outcomes';
    my %by;
    for my $point (@{ $day->{points} }) {
        my ($h, $m) = $point->{at} =~ /T(\d\d):(\d\d)/;
        my $slot = substr($point->{at}, 0, 11) . sprintf '%02d:%02d', $h,
          $m - $m % ($day->{band_seconds} / 60);
        push @{ $by{$slot} }, $point->{latency_us}
          if defined $point->{latency_us};
    }
    my ($checked, $wrong) = (0, 0);
    for my $band (@{ $day->{bands} }) {
        my @sorted = sort { $a <=> $b } @{ $by{ substr $band->{at}, 0, 16 }
              // [] } or next;
        $checked++;
        $wrong++ if $band->{p50_us} != $sorted[ int((@sorted * 50 + 99) / 100) - 1 ]
          || $band->{p95_us} != $sorted[ int((@sorted * 95 + 99) / 100) - 1 ];
    }
    cmp_ok $checked, '>', 50, 'bands';
    is $wrong, 0, 'are exact';
    is $day->{states}[-1]{state}, 'missing', 'states';
    cmp_ok $day->{uptime}, '<', 0.98, 'uptime';
    for ([168, 'sums', 3600], [2000, 'sums', 86_400], [1, 'probes', 60]) {
        my ($hours, $source, $width) = @$_;
        my $long = $t->get("$path?hours=$hours")->{json};
        is "$long->{source} $long->{band_seconds}", "$source $width",
          "$hours hours";
        cmp_ok scalar @{ $long->{bands} }, '<=', 800, 'not too many';
    }
    my $week = $t->get("$path?hours=168")->{json};
    my @bands = grep { defined $_->{p50_us} } @{ $week->{bands} };
    is scalar(grep { $_->{p50_us} > $_->{p95_us} || $_->{p50_us} < 5_000_000
              || $_->{p95_us} > 60_000_000 } @bands), 0,
      'percentiles of classes lie in them';
    is $t->get("$path?$_")->{status}, 422, "refused: $_" for 'hours=0',
      'hours=9999', 'from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z',
      'from=x';
    is $t->get("/api/monitors/$absent/latency")->{status}, 404, 'no monitor';
}

# -- alerts ---------------------------------------------------------------------------

{
    my $open = $t->get('/api/alerts?state=open')->{json};
    is scalar @$open, 3, 'open ones';
    is $open->[0]{title}, 'Mail to example.org does not arrive', 'newest first';
    is $open->[0]{monitors}[0]{id}, $bad, 'whom it hit';
    is $open->[0]{monitors}[0]{last_hop}, 'mx1.example.org', 'and where';
    my $past = $t->get('/api/alerts?state=past')->{json};
    is_deeply [map { $_->{kind} } @$past], ['house', 'delivery'], 'past ones';
    my $first = $t->get('/api/alerts?limit=2');
    is scalar @{ $first->{json} }, 2, 'a page';
    my ($next) = ($first->{headers}{link} // '') =~ /cursor=(\d+)/;
    my $rest = $t->get("/api/alerts?limit=50&cursor=$next")->{json};
    is scalar @$rest, 3, 'and the rest';
    my $path = "/api/alerts/$open->[0]{id}";
    my $now = $t->patch($path, json => { acknowledged => JSON::PP::true });
    is $now->{status}, 200, 'acknowledged' or diag $now->{content};
    ok $now->{json}{acknowledged_at}, 'when';
    is $now->{json}{acknowledged_by}, 'an API key', 'by whom';
    is $now->{json}{repeat_at}, undef, 'not repeated';
    $now = $t->patch($path, json => { muted => JSON::PP::true })->{json};
    ok $now->{muted}, 'muted';
    ok $now->{acknowledged_at}, 'and acknowledged still';
    ok !$t->patch($path, json => { muted => JSON::PP::false })->{json}{muted},
      'not muted';
    is $t->patch($path, json => $_)->{status}, 422, 'refused' for {},
      { acknowledged => JSON::PP::false }, { muted => 1 };
    is $t->get($path)->{json}{id}, $open->[0]{id}, 'read';
    is $t->get("/api/alerts/$absent")->{status}, 404, 'no such alert';
    is $t->patch("/api/alerts/$absent", json => { muted => JSON::PP::true })
      ->{status}, 404, 'nor to change';
}

# -- channels, accounts -----------------------------------------------------------------

{
    my $list = $t->get('/api/channels')->{json};
    is_deeply [map { "$_->{name} $_->{state} $_->{pending}" } @$list],
      ['inbox ok 0', 'phone ok 0', 'team failing 1'], 'channels';
    my $team = $t->get('/api/channels/team')->{json};
    is $team->{last_error}, '404 Not Found: Unknown Webhook', 'its error';
    is $team->{log}[0]{state}, 'pending', 'what it did last';
    is scalar @{ $team->{log} }, 4, 'four times';
    my $test = $t->post('/api/channels/inbox/test', json => {});
    is $test->{status}, 202, 'a test';
    my ($row) = $t->sql("SELECT channel, expires_at - created_at AS lasts FROM"
          . " outbox WHERE event = 'test'");
    is "$row->{channel} $row->{lasts}", 'inbox 600000000', 'is put, for ten min';
    is $t->get('/api/channels/nobody')->{status}, 404, 'no such channel';
    is $t->post('/api/channels/nobody/test', json => {})->{status}, 404,
      'nor to test';
    my $accounts = $t->get('/api/accounts')->{json};
    my %by = map { $_->{name} => $_ } @$accounts;
    is $by{partner}{state}, 'blind', 'accounts and their state';
    is $by{france}{smtp}, undef, 'one that only watches';
    is scalar(grep { /pass|secret/i } map { keys %$_ } @$accounts), 0,
      'no secret has a place here';
}

# -- windows ----------------------------------------------------------------------------

{
    my $weekly = $t->post('/api/windows', json => { note => 'patch night',
        weekdays => [2, 7], from => '22:00', to => '01:30',
        tz => 'Europe/Berlin', monitor => $bad });
    is $weekly->{status}, 201, 'every week' or diag $weekly->{content};
    is_deeply $weekly->{json}{weekdays}, [2, 7], 'on these days';
    is "@{ $weekly->{json} }{qw(from to tz monitor)}",
      "22:00 01:30 Europe/Berlin $bad", 'then';
    my $once = $t->post('/api/windows', json => {
        starts_at => '2026-01-01T00:00:00Z', ends_at => '2026-12-31T00:00:00Z' });
    is $once->{status}, 201, 'once' or diag $once->{content};
    is $once->{json}{monitor}, undef, 'for all';
    is scalar @{ $t->get('/api/windows')->{json} }, 2, 'both are there'
      if time < 1_798_000_000;
    ok $t->get("/api/monitors/$bad")->{json}{in_maintenance}, 'in maintenance'
      if time < 1_798_000_000;
    for ([{}, 'starts_at'], [{ weekdays => [8], from => '22:00',
            to => '23:00' }, 'weekdays'], [{ weekdays => [1] }, 'from'],
        [{ weekdays => [1], from => '25:00', to => '23:00' }, 'from'],
        [{ weekdays => [1], from => '2:00', to => '23:00' }, 'from'],
        [{ from => '22:00', to => '23:00' }, 'weekdays'],
        [{ weekdays => [1], from => '22:00', to => '23:00', tz => 'Mars/X' },
            'tz'], [{ weekdays => [1], from => '22:00', to => '23:00',
                starts_at => '2026-01-01T00:00:00Z' }, 'weekdays'],
        [{ starts_at => '2026-01-02T00:00:00Z',
                ends_at => '2026-01-01T00:00:00Z' }, 'ends_at'],
        [{ starts_at => '2026-01-01T00:00:00Z', ends_at => 'x' }, 'ends_at'],
        [{ starts_at => '2026-01-01T00:00:00Z', monitor => $absent,
                ends_at => '2026-01-02T00:00:00Z' }, 'monitor']) {
        my ($json, $field) = @$_;
        my $refused = $t->post('/api/windows', json => $json);
        is "$refused->{status} " . ($refused->{json}{errors}[0]{field} // ''),
          "422 $field", 'refused: ' . JSON::PP->new->canonical->encode($json)
          or diag $refused->{content};
    }
    is $t->delete("/api/windows/$_->{json}{id}")->{status}, 204, 'ended'
      for $weekly, $once;
    is $t->delete("/api/windows/$_")->{status}, 404, "no window $_"
      for $once->{json}{id}, 'x', '99999999999999999999';
}

# -- routes of mails ----------------------------------------------------------------------

{
    my %mail = map { $_->[0] => $t->create(recipient => $_->[1]) }
      (['failing', 'Kaya <kaya@Example.ORG>'], ['fine', 'bo@gmail.example'],
      ['both', 'bo@gmail.example, kaya@example.org'],
      ['unknown', 'x@elsewhere.example']);
    my $before = int((time - 7_200) * 1e6);
    my $early = $t->create(recipient => 'ann@example.org');
    $t->sql("UPDATE tracked_emails SET created_at = $before WHERE public_id ="
          . " '$early->{id}'");
    my %list = map { $_->{id} => $_ }
      @{ $t->get('/api/tracks?limit=50')->{json} };
    my $route = sub { my ($name) = @_; return $list{ $mail{$name}{id} }{route} };
    is $route->('failing')->{sent}{state}, 'missing', 'it failed then';
    is $route->('failing')->{sent}{domain}, 'example.org', 'there';
    is $route->('failing')->{sent}{monitor}, $bad, 'says this monitor';
    like $route->('failing')->{sent}{evidence_at}, qr/Z\z/, 'by a probe then';
    is $route->('fine')->{sent}{state}, 'ok', 'it worked';
    is $route->('both')->{now}{state}, 'missing', 'the worst of two';
    is $route->('unknown'), undef, 'no monitor covers it';
    is $list{ $early->{id} }{route}{sent}{state}, 'ok', 'two hours ago it worked';
    is $list{ $early->{id} }{route}{now}{state}, 'missing', 'and now it fails';
    for my $id ($early->{id}, map { $_->{id} } values %mail) {
        is_deeply $t->get("/api/tracks/$id")->{json}{route}, $list{$id}{route},
          'one mail says the same as the list';
    }
    $t->sql("UPDATE tracked_emails SET created_at = created_at - 7776000000000"
          . " WHERE public_id = '$early->{id}'");
    is $t->get("/api/tracks/$early->{id}")->{json}{route}{sent}, undef,
      'before any probe nothing was known';
}

# -- opens of those who want quiet ---------------------------------------------------------

{
    my $mail = $t->create(recipient => 'hush@example.org, loud@example.org');
    my $alone = $t->create(recipient => 'hush@example.org');
    $t->patch('/api/recipients/hush@example.org',
        json => { muted => JSON::PP::true });
    my $cursor = $t->get('/api/changes')->{json}{cursor};
    sleep 3;
    $t->pixel($_->{id}, 'User-Agent' => $Mailtrack::Test::reader)
      for $mail, $alone;
    my %muted;
    ok $t->wait_for(sub {
        %muted = map { $_->{track_id} => $_->{muted} }
          @{ $t->get("/api/changes?after=$cursor")->{json}{opens} };
        keys %muted >= 2;
    }), 'two opens';
    ok $muted{ $alone->{id} }, 'all its people are muted';
    ok !$muted{ $mail->{id} }, 'not all of them are';
    $t->patch("/api/tracks/$mail->{id}", json => { muted => JSON::PP::true });
    my ($open) = grep { $_->{track_id} eq $mail->{id} }
      @{ $t->get("/api/changes?after=$cursor")->{json}{opens} };
    ok $open->{muted}, 'the mail itself is';
}

# -- metrics ---------------------------------------------------------------------------------

sub metrics {
    my ($server, %option) = @_;
    my $answer = $server->get('/metrics', %option);
    return ($answer->{status}, map { /\A(\S+?(?:\{.*\})?) (\S+)\z/ ? ($1 => $2)
            : () } grep { !/\A#/ } split /\n/, $answer->{content});
}

{
    $t->sql("UPDATE monitors SET name = 'a \"b\" \\ c' WHERE name = 'Old relay'");
    my $answer = $t->get('/metrics');
    is $answer->{headers}{'content-type'},
      'text/plain; version=0.0.4; charset=utf-8', 'the format of Prometheus';
    my (%family, @faults);
    for my $line (split /\n/, $answer->{content}) {
        if ($line =~ /\A# (HELP|TYPE) (\w+) (\S.*)\z/) {
            push @faults, "twice: $line" if $family{"$1 $2"}++;
            next;
        }
        my ($name) = $line
          =~ /\A(\w+)(?:\{(?:\w+="(?:[^"\\]|\\[\\n"])*",?)+\})? -?[\d.]+\z/
          or push(@faults, "no sample: $line"), next;
        $name =~ s/_(?:bucket|sum|count)\z// if !$family{"TYPE $name"};
        push @faults, "no family: $line"
          if !$family{"TYPE $name"} || !$family{"HELP $name"};
    }
    is "@faults", '', 'every line is well formed';
    my ($status, %is) = metrics($t);
    my $m = 'monitor="To example.org"';
    is $is{"mailtrack_monitor_state{$m,state=\"missing\"}"}, 1, 'state';
    is $is{"mailtrack_monitor_state{$m,state=\"ok\"}"}, 0, 'and no other';
    my ($row) = $t->sql('SELECT * FROM probe_rollups r JOIN monitors m ON m.id'
          . " = r.monitor_id WHERE r.width = 0 AND m.public_id = '$bad'");
    is $is{"mailtrack_probes{$m,outcome=\"missing\"}"}, $row->{missing}, 'probes';
    is $is{"mailtrack_probes{$m,outcome=\"bounced\"}"}, 0, 'from the start';
    my $all = 0;
    $all += $row->{$_} for grep { /\Ale_/ } keys %$row;
    is $is{"mailtrack_probe_latency_seconds_count{$m}"}, $all, 'latencies';
    is $is{"mailtrack_probe_latency_seconds_bucket{$m,le=\"+Inf\"}"}, $all,
      'the last class has all';
    is $is{"mailtrack_probe_latency_seconds_bucket{$m,le=\"5\"}"},
      $row->{le_100ms} + $row->{le_250ms} + $row->{le_500ms} + $row->{le_1s}
      + $row->{le_2500ms} + $row->{le_5s}, 'classes are cumulative';
    ok exists $is{'mailtrack_monitor_state{monitor="a \"b\" \\\\ c",'
          . 'state="paused"}'}, 'labels are escaped';
    is $is{mailtrack_store_up}, 1, 'the store is there';
    is $is{mailtrack_prober_processes}, 1, 'a mailprobe';
    is $is{'mailtrack_alerts_open{kind="delivery"}'}, 2, 'alerts';
    is $is{'mailtrack_alerts_open{kind="house"}'}, 0, 'and none';
    is $is{'mailtrack_channel_failing{channel="team",kind="discord"}'}, 1,
      'a channel fails';
    cmp_ok $is{mailtrack_outbox_depth}, '>=', 2, 'messages wait';
    is $is{'mailtrack_opens{verdict="human"}'}, 2, 'opens by verdict';
    is $is{'mailtrack_opens{verdict="bot"}'}, 0, 'from the start';
    ok exists $is{$_}, $_ for qw(mailtrack_spool_backlog_bytes
      mailtrack_drain_lag_seconds mailtrack_hits_lost_total);
    is((metrics($t, key => undef))[0], 401, 'not for everybody');
}

# What conf/ asks Prometheus for is there.
{
    my $conf = Mailtrack::Test::source_dir() . '/conf';
    my ($status, %is) = metrics($t);
    my %there = map { /\A(\w+)/ ? ($1 => 1) : () } keys %is;
    my %labels;
    for (keys %is) {
        my ($name) = /\A(\w+)/;
        $labels{$name}{$_} = 1 for /(\w+)="/g;
    }
    for my $file ('prometheus-rules.yaml', 'grafana-dashboard.json') {
        open my $in, '<', "$conf/$file" or die "$conf/$file: $!";
        my $text = do { local $/; <$in> };
        my %used = map { $_ => 1 } $text =~ /\b(mailtrack_\w+)/g;
        cmp_ok scalar keys %used, '>', 8, "$file uses figures";
        is_deeply [grep { !$there{$_} } sort keys %used], [],
          'all of which there are';
        my @unknown;
        while ($text =~ /\b(mailtrack_\w+)\{([^}]*)\}/g) {
            my ($name, $inside) = ($1, $2);
            push @unknown, map { "$name: $_" }
              grep { $_ ne 'instance' && !$labels{$name}{$_} }
              $inside =~ /(\w+)\s*(?:=|!)/g;
        }
        is "@unknown", '', 'with these labels';
        next if $file !~ /json/;
        my $board = JSON::PP->new->decode($text);
        is $board->{uid}, 'mailtrack', 'a dashboard of Grafana';
        is_deeply [grep { $_->{type} ne 'row' && !@{ $_->{targets} } }
          @{ $board->{panels} }], [], 'each panel asks for something';
    }
    open my $in, '<', "$conf/prometheus-rules.yaml" or die $!;
    my @lines = <$in>;
    my @alerts = grep { /^      - alert: Mailtrack\w+$/ } @lines;
    cmp_ok scalar @alerts, '>', 8, 'alert rules';
    is scalar(grep { /^        expr: \S/ } @lines), scalar @alerts,
      'each with its condition';
    is scalar(grep { /^          summary: \S/ } @lines), scalar @alerts,
      'and its words';
}

{
    my $open = Mailtrack::Test->new(modules => ['authz_host'],
        config => <<'END');
MailtrackMetrics require
<Location "/metrics">
Require ip 127.0.0.0/8
</Location>
END
    my ($status, %is) = metrics($open, key => undef);
    is $status, 200, 'MailtrackMetrics require: whom httpd lets through';
    is $is{mailtrack_store_up}, 1, 'all of it';
    is $is{'mailtrack_opens{verdict="human"}'}, 0, 'series from the start';
    is $open->get('/api/monitors', key => undef)->{status}, 401,
      'that holds for nothing else';
    $open->set_config("MailtrackMetrics require\n<Location \"/metrics\">\n"
          . "Require all denied\n</Location>");
    $open->stop;
    $open->start;
    $open->expect(qr/AH01630: client denied by server configuration/);
    is $open->get('/metrics')->{status}, 403, 'and whom it does not';
    rename $open->store, $open->store . '.away' or die $!;
    $open->set_config('');
    $open->stop;
    $open->start;
    $open->expect(qr/store/);
    ($status, %is) = metrics($open);
    isnt $status, 200, 'a key needs the store to be known';
    $open->set_config('MailtrackMetrics require');
    $open->stop;
    $open->start;
    ($status, %is) = metrics($open, key => undef);
    is "$status $is{mailtrack_store_up}", '200 0', 'without it: no store';
    ok exists $is{mailtrack_spool_backlog_bytes}, 'but the spool';
    my ($exit, $said) = $open->config_test('MailtrackMetrics everybody');
    isnt $exit, 0, 'another word is refused';
    like $said, qr/expected 'key' or 'require'/, 'in words';
}

done_testing;
