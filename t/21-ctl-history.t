#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# mailtrackctl verify and reclassify on a store with a history: counters follow
# the new verdicts, a kill half-way is made good by the next run, and a lock
# that somebody else holds is waited for.

use strict;
use warnings;
use File::Temp ();
use Mailtrack::Proc qw(reap run_command spawn wait_until);
use Test::More;
use Time::HiRes qw(sleep time);

my $source = $ENV{MAILTRACK_SOURCE} // '.';
my $build  = $ENV{MAILTRACK_BUILD}  // "$source/build/test";
my $dir    = File::Temp->newdir('/tmp/mt-ctl-XXXXXX');
my $store  = "$dir/mailtrack.db";
my $opens  = 20_000;

sub ctl {
    return run_command('', { ASAN_OPTIONS => 'exitcode=99' },
        "$build/mailtrackctl", '--store', $store, @_);
}

sub sql {
    my ($query) = @_;
    my ($code, $out, $err) = run_command('', {}, 'sqlite3', '-cmd',
        '.timeout 5000', $store, $query);
    is $code, 0, 'sqlite3' or diag "$query: $err";
    chomp $out;
    return $out;
}

sub rules {
    my ($name, $text) = @_;
    open my $file, '>', "$dir/$name" or die $!;
    print {$file} $text;
    close $file;
    return "$dir/$name";
}

is +(ctl('init'))[0], 0, 'init';
my ($code, $out, $err) = ctl('verify');
is $code, 0, 'an empty store agrees with itself' or diag "$out$err";

# One mail, made at noon, with hits all called a bot's by rules of version 1.
my $noon  = 1_760_011_200;
my $at    = "${noon}000000";
my $agent = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101'
  . ' Thunderbird/128.5.0';
sql(<<"END");
BEGIN;
INSERT INTO tracked_emails (id, public_id, created_at, updated_at, recipient,
  subject, notes, open_count, last_hit_at) VALUES
  (1, '00000000-0000-4000-8000-000000000001', $at, $at, 'ann\@example.org',
   'Tea', '', $opens, $at + 60000000 + $opens);
INSERT INTO recipients (id, address, name, domain, mails, rate, last_mail_at,
  recent, score_base, score_key)
  VALUES (1, 'ann\@example.org', '', 'example.org', 1, 0, $at, 1, 0, 0);
INSERT INTO email_recipients VALUES (1, 1, 0, '');
INSERT INTO search_words VALUES (1, 'tea'), (1, 'ann'), (1, 'example'),
  (1, 'org');
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n
  WHERE i < $opens)
INSERT INTO opens (track_id, opened_at, recorded_at, method, ip_address,
  user_agent, verdict, counts, rule, vendor, context, rules_version)
  SELECT 1, $at + 60000000 + i, $at + 60000000 + i, 'GET', '203.0.113.7',
    '$agent', 4, 0, 'old', '', 0, 1 FROM n;
COMMIT;
END
for my $width (900, 3600, 10800, 86400, 1382400) {
    my $bucket = ($noon - $noon % $width) . '000000';
    sql("INSERT INTO open_rollups (width, bucket, node, mails, bot) VALUES"
      . " ($width, $bucket, 'n', 1, $opens)");
}
($code, $out, $err) = ctl('verify');
is $code, 0, 'the history agrees with its counters' or diag "$out$err";
sql('UPDATE tracked_emails SET open_count = open_count + 3');
($code, $out, $err) = ctl('verify');
is $code, 1, 'a wrong counter is found';
like $out, qr/\d+, counted $opens$/m, 'and both values told';
like $err, qr/\Amailtrackctl: verify: [^\n]* differ\n\z/, 'one line on stderr';
sql('UPDATE tracked_emails SET open_count = open_count - 3');

# -- judged anew ------------------------------------------------------------

sub sums {
    return sql('SELECT (SELECT count(*) FROM opens WHERE verdict = 0 AND'
      . ' counts = 2), (SELECT real_open_count FROM tracked_emails), (SELECT'
      . ' sum(opens) FROM open_rollups WHERE width = 900), (SELECT count(*)'
      . ' FROM outbox), (SELECT rate FROM recipients)');
}
($code, $out, $err) = ctl('reclassify', '--rules', "$dir/none.yaml");
is $code, 1, 'no rules file';
like $err, qr/\Amailtrackctl: reclassify: \Q$dir\E\/none.yaml: [^\n]+\n\z/,
  'its name is told';
my $bad = rules('bad.yaml', "schema: 1\nfrob: 1\n");
($code, $out, $err) = ctl('reclassify', '--rules', $bad);
is $code, 1, 'wrong rules';
like $err, qr/bad\.yaml:\d+: .*expected/, 'file, line and what was expected';
is sums(), "0|0|0|0|0", 'nothing was touched';

my $installed = "$source/conf/classify.yaml";
my $pid = spawn("$dir/log", {}, $dir, "$build/mailtrackctl", '--store',
    $store, 'reclassify', '--rules', $installed);
wait_until(sub { sql('SELECT count(*) FROM opens WHERE rules_version <> 1')
    > 0 }, 20);
kill 'KILL', $pid;
reap($pid, 10);
my $half = sql('SELECT count(*) FROM opens WHERE rules_version <> 1');
cmp_ok $half, '>', 0, 'killed after some';
is +(ctl('verify'))[0], 0, 'what was done is counted';

# somebody else has the write lock for three seconds
my $locker = fork() // die $!;
if (!$locker) {
    open my $db, '|-', 'sqlite3', $store or exit 1;
    $db->autoflush(1);
    print {$db} "BEGIN IMMEDIATE;\n";
    sleep 3;
    print {$db} "COMMIT;\n";
    close $db;
    exit 0;
}
sleep 0.3;
($code, $out, $err) = ctl('reclassify', '--rules', $installed);
waitpid $locker, 0;
is $code, 0, 'the rest, in spite of a lock' or diag $err;
my $rest = $opens - $half;
like $out, qr/\A$rest judged, $rest changed:\n +$rest  bot\/none -> human\/open\n\z/,
  'the summary';
is sums(), "$opens|$opens|$opens|0|1000", 'counters follow, nobody is told';
($code, $out, $err) = ctl('verify');
is $code, 0, 'and agree' or diag "$out$err";
($code, $out) = ctl('reclassify', '--rules', $installed);
is $out, "0 judged, 0 changed\n", 'a second run has nothing to do';

# httpd's rules file is the default
sql("INSERT INTO settings VALUES ('rules_file', '$bad')");
like +(ctl('reclassify'))[2], qr/bad\.yaml:/, 'the file that httpd noted';

# retention emptied them: the old verdict stands
sql('UPDATE opens SET ip_address = NULL, user_agent = NULL,'
  . ' rules_version = 7 WHERE id <= 10');
($code, $out) = ctl('reclassify', '--rules', $installed);
is $out, "0 judged, 0 changed\n", 'emptied opens keep their verdict';

# -- a person erased --------------------------------------------------------

sql(<<"END");
BEGIN;
INSERT INTO tracked_emails (id, public_id, created_at, updated_at, recipient,
  subject, notes) VALUES (2, '00000000-0000-4000-8000-000000000002', $at, $at,
  'ann\@example.org, bob\@example.net', 'Scones', '');
UPDATE recipients SET mails = 2, rate = 500, recent = 2, score_base = 135000,
  score_key = 20505000 WHERE id = 1;
INSERT INTO recipients (id, address, name, domain, mails, rate, last_mail_at,
  recent, score_base, score_key)
  VALUES (2, 'bob\@example.net', '', 'example.net', 1, 0, $at, 1, 0, 0);
INSERT INTO email_recipients VALUES (1, 2, 0, ''), (2, 2, 1, '');
INSERT INTO search_words SELECT 2, value FROM json_each(
  '["scones", "ann", "example", "org", "bob", "net"]');
UPDATE open_rollups SET mails = mails + 1 WHERE node = 'n';
COMMIT;
END
($code, $out, $err) = ctl("verify");
is $code, 0, "a second mail, to another person too" or diag $out;
($code, $out, $err) = ctl('erase', 'ann@example.org');
is $code, 2, 'erase asks';
like $err, qr/expected --yes/, 'and says how to go without';
for my $wrong ('', 'ann', 'a@b, c@d', "\xff\@b.example", 'x' x 65_536) {
    ($code, $out, $err) = ctl('erase', '--yes', $wrong);
    is $code, 2, 'an address that is none';
    like $err, qr/\Amailtrackctl: erase: ADDRESS: [^\n]+\n\z/, 'is told';
}
is +(ctl('erase', '--yes', 'eve@example.org'))[0], 1, 'somebody unknown';
($code, $out, $err) = ctl('erase', '--yes', 'Ann <ANN@Example.org>');
is $code, 0, 'erase' or diag $err;
is $out, "'ann\@example.org' erased: 1 mails and $opens opens deleted,"
  . " 1 mails to others changed\n", 'what it did';
($code, $out, $err) = ctl('verify');
is $code, 0, 'the counters agree' or diag "$out$err";
is sql('SELECT recipient FROM tracked_emails'), 'bob@example.net',
  'the other mail is there';
for my $path (glob "$store*") {
    open my $file, '<:raw', $path or die $!;
    my $bytes = do { local $/; <$file> } // '';
    unlike $bytes, qr/ann\@example\.org|203\.0\.113\.7/i, 'no byte of it is left';
}

done_testing;
