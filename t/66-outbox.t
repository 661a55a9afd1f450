#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# The outbox emptied: an open of a real httpd reaches webhooks, Discord, ntfy
# and a mailbox; servers that fail in every way; kill -9 while it delivers; one
# dead channel beside live ones.

use FindBin;
use lib "$FindBin::Bin/lib";
use Digest::SHA ();
use Encode      ();
use JSON::PP    ();
use Mailtrack::Hook;
use Mailtrack::Proc qw(alive reap run_command spawn wait_until);
use Mailtrack::Test;
use Time::HiRes qw(sleep time);

my $source = Mailtrack::Test->source_dir;
my ($program) = grep { -f && -x } map { Mailtrack::Test->build_dir . $_ }
  '/mailprobe', '/mailprobe/mailprobe';
my $t      = Mailtrack::Test->new;
my $dir    = $t->dir;
my $hook   = Mailtrack::Hook->new(dir => "$dir/hook");
my $safe   = Mailtrack::Hook->new(dir => "$dir/safe", tls => 1);
my $closed = Mailtrack::Test->free_port;

# -- a mail system, where there may be one ------------------------------------

my %mail;
my $stack = "/tmp/mt66-$$";
if ($> == 0) {
    my ($exit, $out, $err) = run_command('', {}, 'sh',
        "$source/t/lib/mailstack", 'start', $stack, 2);
    is $exit, 0, 'a mail system starts' or diag $out, $err;
    open my $file, '<', "$stack/env" or die "$stack/env: $!";
    %mail = map { chomp; split /=/, $_, 2 } <$file>;
}

# -- the daemon ----------------------------------------------------------------

my %channel = (
    in   => { type => 'webhook', url => $hook->url('in'), secret => 's3cret' },
    safe => { type => 'webhook', url => $safe->url('in'),
        ca_file => $safe->ca },
    discord => { type => 'discord', url => $hook->url('api/webhooks/1/tok3n') },
    ntfy => { type => 'ntfy', url => $hook->url('topic'), token => 'tk_abc' },
    dead => { type => 'webhook', url => "http://127.0.0.1:$closed/in" },
    wrong => { type => 'webhook', url => $safe->url('wrong') },
    $mail{smtps} ? (mail => { type => 'email', account => 'alerts',
        to => '[box1@mail.test, box2@mail.test]' }) : (),
);
my $extra = '';    # more lines of the configuration
my $pid;
my $log = "$dir/log/probe";

sub configuration {
    my (%only) = @_;
    my $text = "store:\n  driver: sqlite3\n  params: " . $t->store . "\n"
      . "time_zone: Europe/Berlin\nfollow_ups:\n  after: 1h\n";
    $text .= <<"ACCOUNT" if $mail{smtps};
accounts:
  alerts:
    from: box1\@mail.test
    smtp:
      host: 127.0.0.1
      port: $mail{smtps}
      security: tls
      username: box1\@mail.test
      password: secret1
      ca_file: $mail{ca}
  two:
    imap:
      host: 127.0.0.1
      port: $mail{imaps}
      security: tls
      username: box2\@mail.test
      password: secret2
      ca_file: $mail{ca}
ACCOUNT
    $text .= "${extra}channels:\n";
    for my $name (sort keys %only) {
        $text .= "  $name:\n";
        my %field = (events => '[opens, follow_ups]', %{ $only{$name} });
        $text .= "    $_: $field{$_}\n" for sort keys %field;
    }
    return $text;
}

sub configure {
    my (@names) = @_;
    my $path = "$dir/mailprobe.yaml";
    open my $file, '>', $path or die "$path: $!";
    print {$file} configuration(map { $_ => $channel{$_} } @names);
    close $file;
    chmod 0600, $path;
    return $path;
}

sub start {
    my (@names) = @_;
    my $path = configure(@names);
    my $before = -s $log // 0;
    $pid = spawn($log, { TZ => 'UTC' }, $dir, $program, '-c', $path, '-f',
        '-v');
    wait_until(sub { substr(logged(), $before) =~ /mailprobe \S+ runs/ }, 20)
      or die 'it did not start: ' . logged();
    # a channel sees what happens after it was switched on, not before
    my $list = join ',', map { "'$_'" } @names;
    wait_until(sub {
        my ($row) = $t->sql("SELECT count(*) AS n FROM channels WHERE"
            . " present = 1 AND name IN ($list)");
        $row->{n} == @names
    }, 10) or die 'no channels: ' . logged();
}

sub stop {
    my ($signal) = @_;
    kill $signal // 'TERM', $pid or die "it is gone: " . logged();
    my $status = reap($pid, 10);
    undef $pid;
    return $status;
}

sub logged {
    open my $file, '<', $log or return '';
    local $/;
    return scalar(<$file>) // '';
}

# Whatever waits for a time need not wait: back-off, Retry-After, leases.
sub time_passes {
    $t->sql('DELETE FROM leases; UPDATE channels SET retry_at = NULL;'
      . ' UPDATE outbox_deliveries'
      . " SET next_at = 1, lease_until = NULL WHERE state = 'pending'");
}

my $number = 0;

# A mail of an hour ago: an open within seconds would be a machine's.
sub create {
    my (%field) = @_;
    my $track = $t->create(subject => 'Mail ' . ++$number, %field);
    $t->sql('UPDATE tracked_emails SET created_at = created_at - 3600000000'
      . " WHERE public_id = '$track->{id}'");
    return $track;
}

# A mail that somebody opens: its JSON.
sub opened {
    my $track = create(@_);
    is $t->hit($track->{id}), 200, "$track->{subject} is opened";
    return $track;
}

sub deliveries {
    my ($where) = @_;
    return $t->sql('SELECT d.*, o.event, o.dedupe_key FROM outbox_deliveries'
      . " d JOIN outbox o ON o.id = d.outbox_id WHERE $where ORDER BY d.id");
}

# Until nothing waits for these channels.
sub settled {
    my (@names) = @_;
    my $list = join ',', map { "'$_'" } @names;
    return wait_until(sub {
        !deliveries("d.state = 'pending' AND d.channel IN ($list)")
          && !$t->sql('SELECT 1 FROM outbox WHERE dispatched_at IS NULL')
    }, 20);
}

# However it ends: nothing stays.
my $owner = $$;

sub stop_mail {
    return if !-d $stack || $$ != $owner;
    run_command('', {}, 'sh', "$source/t/lib/mailstack", 'stop', $stack);
    run_command('', {}, 'rm', '-rf', $stack);
}

END {
    my $status = $?;
    kill 'KILL', $pid if $pid && $$ == $owner;
    stop_mail();
    $? = $status;
}

# -- every kind, from a real open -------------------------------------------------

opened(subject => 'opened before anybody listened');
ok $t->drained, 'the drain has it';
my @all = grep { $_ ne 'wrong' } keys %channel;
start(@all);
my $mail = opened(subject => "Off\xe4r <b>\@everyone</b>",
    recipient => 'Ann <ann@example.org>');
ok $hook->wait_for('in', 1), 'the webhook is called'
  or diag logged();
my ($got) = $hook->requests('in');
is $got->{method}, 'POST', 'by POST';
my $json = JSON::PP::decode_json($got->{body});
is $json->{event}, 'first_open', 'event';
is $json->{mail}{id}, $mail->{id}, 'its mail';
is $json->{mail}{recipient}, $mail->{recipient}, 'recipient';
like $json->{link}, qr{^http.*/mail\?id=$mail->{id}$}, 'link';
like $json->{sent_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'time';
my %header = %{ $got->{headers} };
is $header{'x-mailtrack-signature'}, 'sha256='
  . Digest::SHA::hmac_sha256_hex("$header{'x-mailtrack-timestamp'}."
      . $got->{body}, 's3cret'), 'signed over timestamp and body';
is $header{'x-mailtrack-delivery'}, "first_open:$mail->{id}", 'its key';
like $header{'user-agent'}, qr/^Mailtrack\//, 'by name';

my @said = (map({ keys %$_ } $json, $json->{mail}),
    map { /^(X-Mailtrack-[\w-]+):/ } @{ $got->{lines} });
for my $page ('README.md', 'mailprobe.yaml.5') {
    my $text = do { local (@ARGV, $/) = "$source/mailprobe/$page"; <> };
    is_deeply [grep { $text !~ /\b\Q$_\E\b/ } @said], [],
      "$page tells of all that is sent";
}

ok $safe->wait_for('in', 1), 'the same by https';
is +($safe->requests('in'))[0]{headers}{'x-mailtrack-signature'}, undef,
  'no secret, no signature';

ok $hook->wait_for('api/webhooks/1/tok3n', 1), 'Discord is called';
($got) = $hook->requests('api/webhooks/1/tok3n');
is $got->{query}, 'wait=true', 'and waited for';
$json = JSON::PP::decode_json($got->{body});
is $json->{content}, "Opened: Off\xe4r \\<b>\\\@everyone\\</b>",
  'nothing is a mention or markup';
is_deeply $json->{allowed_mentions}, { parse => [] }, 'nobody is pinged';
like $json->{embeds}[0]{description}, qr/^To: .*ann\@example\.org/m,
  'embed';

ok $hook->wait_for('topic', 1), 'ntfy is called';
($got) = $hook->requests('topic');
is Encode::decode('MIME-Header', $got->{headers}{title}),
  "Opened: Off\xe4r <b>\@everyone</b>", 'title';
is $got->{headers}{priority}, 3, 'priority';
like $got->{headers}{click}, qr{/mail\?id=$mail->{id}$}, 'click';
is $got->{headers}{authorization}, 'Bearer tk_abc', 'token';
like $got->{body}, qr/opened this for the first time\./, 'text';
like $got->{body}, qr/^Opened: .* Europe\/Berlin$/m, 'times of the zone';

SKIP: {
    skip 'no mail system', 8 if !$mail{smtps};
    for my $box (qw(box1 box2)) {
        my ($path) = wait_until(sub {
            (glob "$stack/box/$box/Maildir/new/*")[0] }, 20);
        ok $path, "a mail to $box" or diag(logged()), next;
        my $text = do { local (@ARGV, $/) = $path; <> };
        like $text, qr/^Auto-Submitted: auto-generated\r?$/m, 'no answers';
        like $text, qr/^From: .*box1\@mail\.test/m, 'its sender';
        my ($subject) = $text =~ /^Subject: (.*(?:\r?\n[ \t].*)*)/m;
        is Encode::decode('MIME-Header', $subject =~ s/\r?\n//gr),
          "Opened: Off\xe4r <b>\@everyone</b>", 'subject';
    }
}
ok settled(grep { $_ ne 'dead' } @all), 'all that live have it';
is scalar($hook->requests('in')), 1, 'once, and nothing of before';
my ($row) = deliveries("d.channel = 'dead'");
is $row->{state}, 'pending', 'the dead one waits';
like $row->{detail}, qr/refused|connect/i, 'with the reason';
cmp_ok $row->{attempts}, '<=', 2, 'and is not hammered';

# -- the dead one delays nobody ---------------------------------------------------

opened() for 1 .. 3;
ok $hook->wait_for('in', 4), 'three more by the webhook';
ok settled(grep { $_ ne 'dead' } @all), 'and by the others';
is scalar(deliveries("d.channel = 'dead' AND d.state = 'pending'")), 4,
  'the dead one has all of them ahead';
is scalar(grep { $_->{attempts} } deliveries("d.channel = 'dead'")), 1,
  'and was tried with one';

# -- a test from the dashboard ----------------------------------------------------

my $now = int(time * 1e6);
$t->sql("INSERT INTO outbox (dedupe_key, event, channel, created_at,"
  . " not_before, expires_at) VALUES ('test:1', 'test', 'ntfy', $now, $now,"
  . ' ' . ($now + 600_000_000) . ')');
ok $hook->wait_for('topic', 5), 'a test goes out';
like +($hook->requests('topic'))[4]{headers}{title}, qr/a test/, 'says so';
ok settled('in'), 'and to nobody else';
is scalar($hook->requests('in')), 4, 'really';
is stop(), 0, 'it ends when it is told to';

# -- servers that fail in every way --------------------------------------------------

my %wanted = (
    '500 oops'   => qr/^HTTP 500: oops/,
    '404 gone'   => qr/^HTTP 404/,
    'reset'      => qr/reset|recv/i,
    'garbage'    => qr/HTTP|weird|nonsense/i,
    'redirect'   => qr/redirect/,
    'early'      => qr/^HTTP 500/,
);
start('in');
for my $what (sort keys %wanted) {
    $hook->behave('in', $what);
    my $before = $hook->requests('in');
    my $track  = opened();
    ok $hook->wait_for('in', $before + 1), "$what: it was asked";
    my $row;
    ok wait_until(sub {
        ($row) = deliveries("o.dedupe_key = 'first_open:$track->{id}'"
          . " AND d.channel = 'in'");
        $row && $row->{detail}
    }, 10), "$what: noted";
    like $row->{detail}, $wanted{$what}, "$what: why";
    is $row->{state}, 'pending', "$what: not lost";
    $hook->behave('in', 'ok');
    time_passes();
    ok $hook->wait_for('in', $before + 2), "$what: tried again";
    ok settled('in'), "$what: and delivered";
}
is scalar($hook->requests('elsewhere')), 0, 'no redirect was followed';
$hook->behave('in', 'huge');
my $before = $hook->requests('in');
opened();
ok $hook->wait_for('in', $before + 1), 'a huge answer';
ok settled('in'), 'to a message that was taken: no second one';
is scalar($hook->requests('in')), $before + 1, 'really';

# one message that is refused does not hold up the next
$hook->behave('in', '400 {"message":"no such field"}');
my $refused = opened();
ok wait_until(sub { deliveries("o.dedupe_key ="
  . " 'first_open:$refused->{id}' AND d.detail LIKE 'HTTP 400: no such%'") },
    10), 'refused, with its reason';
$hook->behave('in', 'ok');
$before = $hook->requests('in');
opened();
ok $hook->wait_for('in', $before + 1), 'the next one goes at once';
time_passes();
ok settled('in'), 'the refused one later';

# -- 429, Retry-After --------------------------------------------------------------

my $stamp = POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime time + 3600);
for my $case (
    ['in seconds', '429 slow', 'Retry-After: 3600'],
    ['as a date',  '503 later', "Retry-After: $stamp"],
) {
    my ($name, @behaviour) = @$case;
    $hook->behave('in', @behaviour);
    $before = $hook->requests('in');
    opened();
    ok $hook->wait_for('in', $before + 1), "$name: asked once";
    my $retry;
    ok wait_until(sub {
        ($retry) = $t->sql("SELECT retry_at FROM channels WHERE name = 'in'");
        $retry->{retry_at}
    }, 10), "$name: noted";
    my $ahead = $retry->{retry_at} / 1e6 - time;
    ok $ahead > 3300 && $ahead <= 3601, "$name: honoured" or diag $ahead;
    $hook->behave('in', 'ok');
    opened();
    ok $t->drained, "$name: another open";
    ok wait_until(sub { deliveries("d.state = 'pending'") == 2 }, 10),
      "$name: dispatched";
    sleep 2.2;    # two rounds: nothing may happen in them
    is scalar($hook->requests('in')), $before + 1,
      "$name: by all of the channel";
    time_passes();
    ok settled('in'), "$name: and then both are sent";
}
is stop(), 0, 'the end';

# -- slow ones, and a wrong certificate, beside one that lives -----------------------

$channel{slow}  = { type => 'webhook', url => $hook->url('slow') };
$channel{drips} = { type => 'webhook', url => $hook->url('drips') };
$hook->behave('slow', 'hang');
$hook->behave('drips', 'drip');
start(qw(in slow drips wrong));
$before = $hook->requests('in');
opened();
opened();
ok $hook->wait_for('in', $before + 2), 'who lives does not wait for who hangs';
ok $hook->wait_for('slow', 1), 'one hangs';
for my $name (qw(wrong slow drips)) {
    my $row;
    ok wait_until(sub {
        ($row) = deliveries("d.channel = '$name' AND d.detail <> ''");
        $row
    }, 40), "$name: given up for now";
    is $row->{state}, 'pending', "$name: not for ever";
    like $row->{detail}, {
        wrong => qr/certificate/i, slow => qr/timed out|too long/i,
        drips => qr/HTTP 500|timed out|too long/i,
    }->{$name}, "$name: why";
}
is scalar($safe->requests('wrong')), 0, 'nobody unknown was sent anything';

# -- kill -9 while it delivers ----------------------------------------------------------

$hook->behave('slow', 'hang');
time_passes();
my $sent = $hook->requests('slow');
ok $hook->wait_for('slow', $sent + 1, 30), 'it is in the middle of one';
stop('KILL');
$hook->behave($_, 'ok') for qw(slow drips);
my $killed = opened();
ok $t->drained, 'an open while it was dead';
start(qw(in slow drips));
cmp_ok scalar(grep { $_->{lease_until} } deliveries("d.channel = 'slow' AND"
  . " d.state = 'pending'")), '>=', 1, 'its lease keeps others away, a while';
time_passes();
ok settled(qw(in slow drips)), 'nothing is lost';
my %times;
$times{ $_->{headers}{'x-mailtrack-delivery'} }++ for $hook->requests('in');
is $times{"first_open:$killed->{id}"}, 1,
  'nor what happened while it was dead, and that is told once';
my %keys = map { $_->{dedupe_key} => 1 } deliveries("d.channel = 'slow'");
my %taken = map { $_->{headers}{'x-mailtrack-delivery'} => 1 }
  $hook->requests('slow');
is_deeply \%taken, \%keys, 'each message reached the one that hung';

# -- two of them on one store -------------------------------------------------------------

my $first = $pid;
start(qw(in slow drips));
my $second = $pid;
$before = $hook->requests('in');
my @many = map { opened() } 1 .. 12;
ok $hook->wait_for('in', $before + 12, 30), 'twelve are sent';
ok settled(qw(in slow drips)), 'all';
is scalar($hook->requests('in')), $before + 12, 'none twice';
for (sort { $a <=> $b } $first, $second) {
    $pid = $_;
    is stop(), 0, 'the end of one';
}

# -- muted, and switched on later ------------------------------------------------------------

my $muted = create(subject => 'muted');
is $t->patch("/api/tracks/$muted->{id}", json => { muted => JSON::PP::true })
  ->{status}, 200, 'a mail is muted';
start('in');
$before = $hook->requests('in');
$t->hit($muted->{id});
my $loud = opened();
ok $hook->wait_for('in', $before + 1), 'another one is told';
is +($hook->requests('in'))[-1]{headers}{'x-mailtrack-delivery'},
  "first_open:$loud->{id}", 'that one alone';
stop();
opened();
ok $t->drained, 'an open that nobody delivers';
$before = $hook->requests('topic');
start(qw(in ntfy));
my $after = opened();
ok $hook->wait_for('topic', $before + 1), 'told by one that was switched on';
ok settled(qw(in ntfy)), 'and by the other';
my @new = ($hook->requests('topic'))[$before .. $before + 1];
like $new[0]{headers}{click}, qr/id=$after->{id}$/, 'of what came after';
is $new[1], undef, 'and of nothing before';
is stop(), 0, 'the end';
# -- what the owner wants ------------------------------------------------------

$t->sql("INSERT INTO users (id, name, password, role, created_at)"
  . " VALUES (7, 'bea', '', 'user', 0);"
  . join ';', map { "INSERT INTO notification_prefs (user_id, event, channel,"
      . " enabled) VALUES (7, '$_', 'webhook', 1)" } qw(first_open follow_up));

# A mail of Bea's, so many hours old.
sub of_bea {
    my ($hours, %field) = @_;
    my $track = $t->create(%field);
    my $at = int((time - $hours * 3600) * 1e6);
    $t->sql("UPDATE tracked_emails SET created_at = $at, created_by = 7 WHERE"
      . " public_id = '$track->{id}'");
    return $track;
}

my ($minute) = map { $_->[2] * 60 + $_->[1] } [gmtime];
$t->sql(sprintf "INSERT INTO notification_quiet (user_id, from_minute,"
  . " to_minute, tz) VALUES (7, %d, %d, 'UTC')", ($minute + 1430) % 1440,
  ($minute + 60) % 1440);
start('in');
$before = $hook->requests('in');
my $quiet = of_bea(1, subject => 'at night');
$t->hit($quiet->{id});
ok wait_until(sub { ($row) = deliveries(
    "o.dedupe_key = 'first_open:$quiet->{id}'") }, 10), 'it is dispatched';
cmp_ok $row->{next_at} / 1e6, '>', time + 1700, 'to the end of quiet hours';
my $other = opened();
ok $hook->wait_for('in', $before + 1), 'who has none is told at once';
is +($hook->requests('in'))[-1]{headers}{'x-mailtrack-delivery'},
  "first_open:$other->{id}", 'nobody else';
time_passes();
ok wait_until(sub { ($row) = deliveries(
    "o.dedupe_key = 'first_open:$quiet->{id}'");
    $row->{next_at} / 1e6 > time + 1700 }, 10), 'nor when it was tried anew';
$t->sql('DELETE FROM notification_quiet');
time_passes();
ok $hook->wait_for('in', $before + 2), 'the night is over';

# -- follow-ups ----------------------------------------------------------------

sub asked {
    my @ids = sort map { $_->{headers}{'x-mailtrack-delivery'} =~ /:(.*)/ }
      grep { $_->{headers}{'x-mailtrack-event'} eq 'follow_up' }
      $hook->requests('in');
    return @ids;
}

sub since { return ($t->sql('SELECT value FROM settings WHERE name ='
      . " 'follow_ups_since'"))[0]{value} // 0 }
ok wait_until(\&since, 10), 'it is kept since when they are on';
stop();
time_passes();
of_bea(24 * 9, subject => 'long before');
$t->sql('UPDATE settings SET value = ' . int((time - 5 * 3600) * 1e6)
  . " WHERE name = 'follow_ups_since'");
my $due  = of_bea(2, subject => 'due');
my $held = of_bea(2, subject => 'held', recipient => 'cy@broken.test');
of_bea(0.5, subject => 'not due yet');
my $read = of_bea(2, subject => 'read');
$t->hit($read->{id});
my $at = int((time - 7300) * 1e6);

sub route {
    my ($state) = @_;
    my $now = int(time * 1e6);
    $t->sql("UPDATE monitors SET state = '$state', state_since = $now;"
      . ' INSERT INTO monitor_states (monitor_id, since, state, detail)'
      . " VALUES (1, $now, '$state', '');"
      . ' INSERT INTO probes (monitor_id, token, due_at, outcome, decided_at)'
      . " VALUES (1, lower(hex(randomblob(16))), $now, '$state', $now)");
}
$t->sql('INSERT INTO monitors (id, public_id, name, recipient, domain,'
  . ' send_account, watch_account, interval_us, retry_us, late_us,'
  . ' missing_us, failures_needed, successes_needed, alert_on, keep_mail,'
  . " enabled, declared, created_at, updated_at) VALUES (1, 'm', 'broken',"
  . " 'p\@broken.test', 'broken.test', 'a', 'a', 1, 1, 0, 1, 1, 1, '', 0, 0,"
  . ' 0, 0, 0)');
$t->sql('INSERT INTO monitor_states (monitor_id, since, state, detail)'
  . " VALUES (1, $at, 'missing', ''); INSERT INTO probes (monitor_id, token,"
  . " due_at, outcome, decided_at) VALUES (1, 'x', $at, 'missing', $at)");
route('missing');
ok $t->drained, 'the drain has all';
start('in');
ok wait_until(sub { asked() }, 20), 'somebody is asked about';
ok settled('in'), 'and nobody waits';
is_deeply [asked()], [$due->{id}], 'what is due; not the old one, not the one'
  . ' that was read, not the one whose route fails';
like logged(), qr/1 follow-up held back: mail to broken\.test/, 'which is said';
stop();
route('ok');
start('in');
ok wait_until(sub { asked() == 2 }, 20), 'the route works again';
is_deeply [asked()], [sort $due->{id}, $held->{id}], 'now it is asked about';
my ($told) = grep { $_->{headers}{'x-mailtrack-delivery'} =~ $held->{id} }
  $hook->requests('in');
like JSON::PP::decode_json($told->{body})->{text},
  qr/^Route: broken\.test: ok.*^When it was sent: .*missing.*^Held back: /ms,
  'and says that it was held';
is stop(), 0, 'the end';
# -- a mail to several, of whom one is refused -----------------------------------

SKIP: {
    skip 'no mail system', 8 if !$mail{smtps};
    my $mails = sub { scalar(() = glob "$stack/box/box$_[0]/Maildir/new/*") };
    $channel{some} = { type => 'email', account => 'alerts',
        to => '[box1@mail.test, reject@mail.test, box2@mail.test]' };
    start('some');
    my @have = map { $mails->($_) } 1, 2;
    my $track = opened();
    my $tried = sub { (deliveries("o.dedupe_key = 'first_open:$track->{id}'"))
        [0]{attempts} // 0 };
    my ($detail) = wait_until(sub { my ($row) = deliveries("o.dedupe_key ="
          . " 'first_open:$track->{id}' AND d.detail <> ''");
        $row && $row->{detail} }, 20);
    like $detail, qr/^reject\@mail\.test: .*550.*policy/, 'who is refused';
    is $tried->(), 1, 'tried once';
    time_passes();
    ok wait_until(sub { $tried->() == 2 && !(deliveries(
        "o.dedupe_key = 'first_open:$track->{id}'"))[0]{lease_until} }, 20),
      'and again';
    for my $box (1, 2) {
        ok wait_until(sub { $mails->($box) > $have[$box - 1] }, 10),
          "box$box has it";
        is $mails->($box), $have[$box - 1] + 1, 'once';
    }
    stop();
    $t->sql("DELETE FROM outbox_deliveries WHERE state = 'pending'");
}

# -- an alarm, from the refusal at RCPT to the phone ------------------------------

SKIP: {
    skip 'no mail system', 12 if !$mail{smtps};
    my $rules = "$stack/postfix";
    my $policy = sub {
        open my $file, '>', "$stack/reply_map" or die "reply_map: $!";
        print {$file} @_;
        close $file;
        run_command('', {}, 'postfix', '-c', $rules, 'reload');
    };
    $policy->("box2\@mail.test 550 5.7.1 not today <b>\@here</b>\n");
    $channel{loud} = { type => 'discord', url => $hook->url('loud'),
        events => '[alerts]' };
    $channel{off} = { type => 'webhook', url => $hook->url('off'),
        events => '[alerts]' };
    $extra = <<'MORE';
alerts:
  gather: 0s
monitors:
  Box two:
    recipient: box2@mail.test
    send: alerts
    watch: two
    interval: 10s
    retry_interval: 10s
    failures: 1
    alert_on: [send-failed, missing]
    channels_off: [off]
MORE
    start(qw(in loud off));
    $before = $hook->requests('in');
    ok $hook->wait_for('loud', 1, 30), 'an alarm';
    my $json = JSON::PP::decode_json(($hook->requests('loud'))[0]{body});
    is $json->{content}, 'Mail is refused: Box two', 'what, and of whom';
    my $text = $json->{embeds}[0]{description};
    like $text, qr/^Stopped: .*RCPT.*550.*not today/mi, 'where it stopped';
    like $text, qr/not today \\<b>\\\@here/, 'and no words of theirs ping';
    like $text, qr/^Since: .* Europe\/Berlin/m, 'since when';
    like $text, qr/^Last good: never$/m, 'when it last worked';
    like $json->{embeds}[0]{url}, qr{/alerts\?id=[\w-]{36}$}, 'link';
    $policy->('');
    ok $hook->wait_for('loud', 2, 40), 'it is over';
    $json = JSON::PP::decode_json(($hook->requests('loud'))[1]{body});
    is $json->{content}, 'Arrives again: Box two', 'which is said';
    ok settled(qw(in loud off)), 'all are told';
    is scalar($hook->requests('off')), 0, 'but who is switched off for it';
    is scalar($hook->requests('in')), $before, 'and who wants no alerts';
    stop();
    $extra = '';
}

# -- another configuration, and a test by hand ---------------------------------------

$hook->behave('slow', 'hang');
start(qw(in slow));
$before = $hook->requests('slow');
opened();
ok $hook->wait_for('slow', $before + 1), 'one hangs';
configure(qw(in ntfy));
$before = $hook->requests('topic');
my $reloads = () = logged() =~ /reloaded/g;
kill 'HUP', $pid;
ok wait_until(sub { (() = logged() =~ /reloaded/g) > $reloads }, 10),
  'reloaded meanwhile';
ok wait_until(sub { $t->sql("SELECT 1 FROM channels WHERE name = 'ntfy'"
      . ' AND present = 1') }, 10), 'the new channel is known';
opened();
ok $hook->wait_for('topic', $before + 1), 'and told';
my ($exit, $out, $err) = run_command('', {}, $program, '-c',
    configure(qw(in dead)), '--test-channel', 'in');
is $exit, 0, 'a test by hand' or diag $out, $err;
is +($hook->requests('in'))[-1]{headers}{'x-mailtrack-event'}, 'test',
  'arrives';
($exit, $out, $err) = run_command('', {}, $program, '-c',
    configure(qw(in dead)), '--test-channel', 'dead');
isnt $exit, 0, 'one that does not';
like "$out$err", qr/connect/i, 'is told, with the reason';
is stop(), 0, 'the end';
unlike logged(), qr/s3cret|tok3n|tk_abc|secret1/, 'no secret in the log';
unlike logged(), qr/ERROR: |runtime error/, 'no sanitizer report';

$_->stop for $hook, $safe;
stop_mail();
done_testing;
