#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# What the browser extension asks of the API, with a key of scope track: the
# compatibility number, certain mails by their ids, its own views.

use strict;
use warnings;
use Mailtrack::Test;

my $t = Mailtrack::Test->new(config => "RemoteIPHeader X-Forwarded-For\n"
      . "RemoteIPInternalProxy 127.0.0.1/8\n");
my @key = (key => $t->make_key('extension', 'track'));
my $google = 'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 '
  . '(via ggpht.com GoogleImageProxy)';
my ($true, $none) = (JSON::PP::true, '0' x 8 . '-0000-4000-8000-' . '0' x 12);

sub mail { return $t->get("/api/tracks/$_[0]", @key)->{json} }
sub from { return { 'X-Forwarded-For' => $_[0] } }

sub self_view {
    my ($id, $address, $json) = @_;
    return $t->request(POST => "/api/tracks/$id/self", @key,
        headers => from($address), json => $json // {});
}

# -- the number ---------------------------------------------------------------

{
    my $stats = $t->get('/api/stats', @key);
    is $stats->{json}{api_version}, 1, 'the number';
    is $stats->{json}{pixel_base}, $t->url('/p/'), 'where pictures are';
    for my $answer ($stats, $t->get('/api/stats', key => 'wrong'),
        $t->get('/api/nothing', @key)) {
        is $answer->{headers}{'mailtrack-api-version'}, 1,
          "the header, with a $answer->{status}";
    }
    like $stats->{headers}{'access-control-expose-headers'},
      qr/Mailtrack-API-Version/, 'which an extension may read';
}

# -- by ids -------------------------------------------------------------------

{
    my @mails = map { $t->create(recipient => "p$_\@example.org",
            subject => "n$_") } 1 .. 4;
    my $list = sub { $t->get('/api/tracks?ids=' . join(',', @_), @key) };
    my $answer = $list->($mails[2]{id}, $none, uc $mails[0]{id}, $mails[2]{id});
    is $answer->{status}, 200, 'those that exist' or diag $answer->{content};
    is_deeply [map { $_->{subject} } @{ $answer->{json} }], ['n3', 'n1'],
      'each once, newest first';
    is_deeply $answer->{json}[1]{recipients},
      [{ address => 'p1@example.org', name => '' }], 'whole mails';
    is_deeply $list->($none)->{json}, [], 'none of them';
    is scalar @{ $list->(($none) x 99, $mails[1]{id})->{json} }, 1, 'a hundred';
    is $list->(($none) x 101)->{status}, 422, 'no more';
    is $list->('x')->{status}, 422, 'no other words';
    is $list->($none)->{status}, 200, 'alone';
    is $t->get("/api/tracks?ids=$none&limit=1", @key)->{status}, 422,
      'goes with nothing else';
    my $muted = $t->request(POST => '/api/tracks', @key,
        json => { recipient => 'a@example.org', muted => $true });
    is $muted->{status}, 201, 'a mail can be made silent';
    ok mail($muted->{json}{id})->{muted}, 'and is';
}

# -- undone, and sent in another way -------------------------------------------

{
    my $make = sub { $t->request(POST => '/api/tracks', @_)->{json} };
    my %to = (recipient => 'wrong@example.org', subject => 'undone');
    my $first = $make->(@key, json => { %to, client_id => 'u1' });
    my $kept = $make->(json => { %to, client_id => 'u1' });
    my $second = $make->(@key, json => { recipient => 'right@example.org',
            subject => 'undone', client_id => 'u2', replaces => 'u1' });
    is_deeply $second->{recipients}[0]{address}, 'right@example.org', 'it is made';
    is $t->get("/api/tracks/$first->{id}", @key)->{status}, 404,
      'what it replaces is gone';
    is $t->get("/api/tracks/$kept->{id}")->{status}, 200,
      'the other key has its own';
    ok $make->(@key, json => { %to, client_id => 'u3', replaces => 'nothing' })
      ->{id}, 'or there was nothing';
    sleep 3;
    $t->pixel($second->{id});
    ok $t->wait_for(sub { mail($second->{id})->{open_count} }), 'fetched';
    $make->(@key, json => { %to, client_id => 'u4', replaces => 'u2' });
    ok mail($second->{id})->{id}, 'what was fetched stays';
}

# -- that was me --------------------------------------------------------------

my $mail = $t->create(recipient => 'ann@example.org', subject => 'mine');
my $shown = $t->create(recipient => 'bob@example.org', subject => 'by proxy');
sleep 3;    # what comes right after the sending is a machine's, to the rules
$t->pixel($mail->{id}, 'X-Forwarded-For' => $_)
  for '198.51.100.7', '203.0.113.9';
$t->pixel($shown->{id}, 'X-Forwarded-For' => '66.249.93.73',
    'User-Agent' => $google);
ok $t->wait_for(sub { mail($mail->{id})->{real_open_count} == 2 &&
      mail($shown->{id})->{possible_count} == 1 }), 'three hits';

is self_view($mail->{id}, '198.51.100.7', { seconds_ago => $_ })->{status}, 422,
  'refused: ' . ($_ // 'null')
  for -1, 86_401, 1.5, 'x';
is self_view($none, '198.51.100.7')->{status}, 404, 'no such mail';
is self_view('x', '198.51.100.7')->{status}, 404, 'no id';
is $t->request(POST => "/api/tracks/$mail->{id}/self", key => undef, json => {})
  ->{status}, 401, 'not without a key';

is self_view($mail->{id}, '192.0.2.1', { seconds_ago => 600 })->{json}{claimed},
  0, 'long ago: nothing near';
my $answer = self_view($mail->{id}, '198.51.100.7', { seconds_ago => 1 });
is $answer->{status}, 200, 'I looked' or diag $answer->{content};
is $answer->{json}{claimed}, 1, 'from my address';
is $answer->{json}{track}{self_count}, 1, 'mine';
is $answer->{json}{track}{real_open_count}, 1, 'the stranger stays';
is_deeply [map { $_->{verdict} } grep { $_->{ip_address} eq '203.0.113.9' }
      @{ mail($mail->{id})->{opens} }], ['human'], 'a person';
is self_view($mail->{id}, '198.51.100.7', { seconds_ago => 1 })
  ->{json}{claimed}, 0, 'again is harmless';
is self_view($shown->{id}, '198.51.100.7')->{json}{claimed}, 1,
  'through a proxy nobody can tell: the moment decides';
is $t->get('/api/stats', @key)->{json}{real_opens}, 2, 'the totals follow';
{
    my ($exit, $out, $err) = $t->ctl('verify');
    is $exit, 0, 'the store verifies' or diag $out . $err;
}

subtest 'with cut addresses' => sub {
    my $cut = Mailtrack::Test->new(config => "MailtrackAnonymizeIP On\n"
          . "RemoteIPHeader X-Forwarded-For\n"
          . "RemoteIPInternalProxy 127.0.0.1/8\n");
    my $own = $cut->create(recipient => 'ann@example.org');
    sleep 3;
    $cut->pixel($own->{id}, 'X-Forwarded-For' => $_)
      for '198.51.100.7', '203.0.113.9';
    my $path = "/api/tracks/$own->{id}";
    ok $cut->wait_for(sub { $cut->get($path)->{json}{real_open_count} == 2 }),
      'two opens';
    my $claimed = $cut->request(POST => "$path/self", json => {},
        headers => from('198.51.100.7'));
    is $claimed->{json}{claimed}, 1, 'one was mine';
};

done_testing;
