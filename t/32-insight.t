#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# What the pages say of mails and people: a mail in words, pinned mails on top,
# files of exactly what a list shows, "that was me", and its way back.

use strict;
use warnings;
use Mailtrack::Test;
use JSON::PP ();
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
      [map { $_->{id} }
          sort { $a->{opened_at} cmp $b->{opened_at} } @{ $now->{opens} }],
      'every hit, oldest first';
}

verify('at the end');
done_testing;
