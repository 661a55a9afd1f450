#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# mailtrackctl beside a running httpd: check follows a real pixel, and a backup
# and a restore keep every hit that the spool still holds, each once.

use strict;
use warnings;
use Mailtrack::Test;

my $good = "\xe2\x9c\x93";
my $t    = Mailtrack::Test->new(min_delay => '0');

# -- check ------------------------------------------------------------------

my $first = $t->create(subject => 'first');
is $t->hit($first->{id}), 200, 'a hit';
ok $t->wait_for(sub { ($t->sql('SELECT count(*) AS n FROM opens'))[0]{n} }),
  'is stored';
ok $t->wait_for(sub { $t->sql(q(SELECT 1 FROM settings WHERE name = 'base_url')) }),
  'httpd noted its base URL';
my ($code, $out, $err) = $t->ctl('check');
is $code, 0, 'check' or diag "$out$err";
like $out, qr/^$good \Q$_\E: /m, "$_ is right"
  for 'store', 'spool', 'server', '/health', 'pixel', 'caching headers',
  'arrival', 'address';
is +($t->sql('SELECT count(*) AS n FROM tracked_emails'))[0]{n}, 1,
  'nothing is left of it';
is +($t->ctl('verify'))[0], 0, 'the counters agree';

# -- backup, more hits, restore ---------------------------------------------

sub opens {
    my ($id) = @_;
    my ($row) = $t->sql('SELECT open_count AS n FROM tracked_emails WHERE'
      . " public_id = '$id'");
    return $row ? $row->{n} : -1;
}

my $track = $t->create(subject => 'second');
for (1 .. 20) { $t->hit($track->{id}) }
ok $t->wait_for(sub { opens($track->{id}) == 20 }), '20 hits before';
my $backup = $t->dir . '/backup.db';
($code, $out, $err) = $t->ctl('backup', $backup);
is $code, 0, 'backup' or diag $err;
for (1 .. 30) { $t->hit($track->{id}) }
ok $t->wait_for(sub { opens($track->{id}) == 50 }), '30 hits after it';
my $later = $t->create(subject => 'made after the backup');

($code, $out, $err) = $t->ctl('restore', '--yes', $backup);
is $code, 0, 'restore' or diag $err;
is opens($later->{id}), -1, 'what was made since is gone';
ok $t->wait_for(sub { opens($track->{id}) == 50 }, 10),
  'the hits since come from the spool again' or diag opens($track->{id});
for (1 .. 5) { $t->hit($track->{id}) }
ok $t->wait_for(sub { opens($track->{id}) == 55 }, 10), 'and new ones follow';
sleep 1;
is opens($track->{id}), 55, 'each is stored once';
is +($t->sql('SELECT count(*) AS n FROM opens'))[0]{n}, 56, 'none is lost';
is $t->get("/api/tracks/$track->{id}")->{json}{open_count}, 55,
  'httpd sees the restored store';
is $t->get("/api/tracks/$later->{id}")->{status}, 404, 'and only that';
($code, $out, $err) = $t->ctl('verify');
is $code, 0, 'the counters agree' or diag "$out$err";
is +($t->ctl('check'))[0], 0, 'check again';

# A damaged copy changes nothing.
open my $file, '+<:raw', $backup or die $!;
seek $file, 12_288, 0;
print {$file} 'x' x 8192;
close $file;
is +($t->ctl('restore', '--yes', $backup))[0], 1, 'a damaged one is refused';
is opens($track->{id}), 55, 'and nothing changed';

done_testing;
