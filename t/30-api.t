#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# The JSON API: who may, what is refused and how it is said, mails from their
# making to their end, pages, replays, changes, figures and exports.

use strict;
use warnings;
use Mailtrack::Test;
use IO::Handle;
use POSIX ();
use Time::HiRes qw(sleep time);

my $t = Mailtrack::Test->new;
my $track_key = $t->make_key('extension', 'track');
my $uuid = qr/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;
my $when = qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\z/;

# A problem document of this status; its JSON.
sub problem {
    my ($answer, $status, $what, $field) = @_;
    my $json = $answer->{json} // {};
    my $good = $answer->{status} == $status
      && ($answer->{headers}{'content-type'} // '') eq 'application/problem+json'
      && ($json->{status} // 0) == $status
      && length($json->{title} // '') && length($json->{detail} // '')
      && (!defined $field || ($json->{field} // '') eq $field);
    ok $good, "$status: $what"
      or diag "$answer->{status} $answer->{content}";
    return $json;
}

sub body { my ($body, %header) = @_;
    return (content => $body,
        headers => { 'Content-Type' => 'application/json', %header }) }

# Mails that are read at once are read by machines: wait as long as the rules do.
sub later { sleep 2.1 }

# -- who may ----------------------------------------------------------------

{
    my $answer = $t->get('/api/tracks', key => undef);
    problem $answer, 401, 'no key';
    like $answer->{headers}{'www-authenticate'}, qr/X-API-Key/,
      'says how to ask';
    my $flipped = $t->key;
    substr($flipped, -1) =~ tr/A-Za-z0-9/B-ZAb-za1-90/;
    problem $t->get('/api/tracks', key => $_), 401, 'a key that is none'
      for 'x', 'mt_', $flipped, 'mt_' . 'a' x 4000, "mt_\x7e\x21";
    is $t->get('/api/tracks', key => $track_key)->{status}, 200,
      'scope track reads';
    my $made = $t->post('/api/tracks', key => $track_key,
        json => { recipient => 'gate@example.org' });
    is $made->{status}, 201, 'and creates';
    my $path = "/api/tracks/$made->{json}{id}";
    problem $t->delete($path, key => $track_key), 403, 'but does not delete';
    problem $t->patch($path, key => $track_key, json => { notes => 'x' }), 403,
      'nor change';
    is $t->delete($path)->{status}, 204, 'scope admin does';
    my $key = $t->make_key('short-lived');
    is $t->get('/api/tracks', key => $key)->{status}, 200, 'a key';
    my ($row) = $t->sql(
        "SELECT prefix FROM api_keys WHERE name = 'short-lived'");
    my ($exit) = $t->ctl('key', 'revoke', $row->{prefix});
    is $exit, 0, 'is revoked';
    problem $t->get('/api/tracks', key => $key), 401, 'and dead at once';
}

# -- paths and methods ------------------------------------------------------

{
    problem $t->get($_), 404, "no such path: $_"
      for '/api', '/api/', '/api/nothing', '/api/tracks/', '/api/track',
      '/api/tracks/x/y/z', '/api/opens';
    for (['/api/tracks', 'GET, HEAD, POST, OPTIONS', 'PUT', 'DELETE', 'PATCH'],
        ['/api/stats', 'GET, HEAD, OPTIONS', 'POST', 'TRACE', 'BREW'],
        ['/health', 'GET, HEAD, OPTIONS', 'POST', 'DELETE']) {
        my ($path, $allow, @methods) = @$_;
        for my $method (@methods) {
            my $answer = $t->request($method, $path);
            problem $answer, 405, "$method $path";
            is $answer->{headers}{allow}, $allow, 'Allow says what is';
        }
    }
    my $get = $t->get('/api/tracks');
    my $head = $t->request(HEAD => '/api/tracks');
    is $head->{status}, 200, 'HEAD';
    is $head->{content} // '', '', 'has no body';
    is $head->{headers}{'content-length'}, $get->{headers}{'content-length'},
      'but its length';
    is $get->{headers}{'cache-control'}, 'no-store', 'no answer is kept';
    is $get->{headers}{'x-content-type-options'}, 'nosniff', 'or guessed at';
}

# -- CORS: an extension's worker, nothing wider -----------------------------

{
    my %preflight = (Origin => 'chrome-extension://abcdef',
        'Access-Control-Request-Method'  => 'POST',
        'Access-Control-Request-Headers' => 'content-type,x-api-key',
        'Access-Control-Request-Private-Network' => 'true');
    my $answer = $t->request(OPTIONS => '/api/tracks', key => undef,
        headers => {%preflight});
    my $header = $answer->{headers};
    is $answer->{status}, 204, 'a preflight needs no key';
    is $header->{'access-control-allow-origin'}, '*', 'any origin';
    is $header->{'access-control-allow-headers'},
      'content-type, x-api-key, idempotency-key', 'these headers';
    is $header->{'access-control-allow-methods'}, 'GET, HEAD, POST, OPTIONS',
      'the methods of this path';
    like $header->{'access-control-max-age'}, qr/\A\d+\z/, 'for a while';
    ok !exists $header->{"access-control-allow-$_"}, "no $_"
      for 'credentials', 'private-network';
    for my $path ('/api/tracks', '/api/nothing', '/api/openapi.json') {
        $answer = $t->get($path, headers => { Origin => 'https://a.example' });
        is $answer->{headers}{'access-control-allow-origin'}, '*',
          "readable everywhere: $path";
        is $answer->{headers}{'access-control-expose-headers'},
          'Link, Retry-After, Mailtrack-API-Version', 'with these headers';
    }
    $answer = $t->get('/api/tracks', key => undef,
        headers => { Origin => 'https://a.example' });
    is $answer->{headers}{'access-control-allow-origin'}, '*',
      'an error as well';
    $answer = $t->request(OPTIONS => '/health', key => undef,
        headers => {%preflight});
    ok !grep({ /^access-control/ } keys %{ $answer->{headers} }),
      'health is not for pages';
    $answer = $t->request(OPTIONS => '/api/nothing', key => undef,
        headers => {%preflight});
    problem $answer, 404, 'a preflight of nothing';
}

# -- a mail -----------------------------------------------------------------

my $id;
{
    my $answer = $t->post('/api/tracks', json => {
        recipient => 'Ann <ann@example.org>, "Doe, Jane" <jane@example.org>',
        subject => "R&D \x{fc}ber alles", notes => "two\nlines",
        message_group_id => 'g1', pinned => JSON::PP::true });
    my $mail = $answer->{json};
    is $answer->{status}, 201, 'made' or diag $answer->{content};
    like $mail->{id}, qr/\A$uuid\z/, 'a random id';
    $id = $mail->{id};
    is $answer->{headers}{location}, $t->url("/api/tracks/$id"), 'Location';
    is $mail->{pixel_url}, $t->url("/p/$id.gif"), 'the pixel';
    is_deeply [map { "$_->{name}/$_->{address}" } @{ $mail->{recipients} }],
      ['Ann/ann@example.org', 'Doe, Jane/jane@example.org'],
      'two people, in spite of the comma';
    is $mail->{subject}, "R&D \x{fc}ber alles", 'the subject';
    is $mail->{notes}, "two\nlines", 'the notes';
    is $mail->{message_group_id}, 'g1', 'the group';
    ok $mail->{pinned}, 'pinned';
    is $mail->{state}, 'unopened', 'nobody has seen it';
    is $mail->{$_}, 0, $_ for qw(open_count real_open_count possible_count);
    is_deeply $mail->{opens}, [], 'no hits';
    like $mail->{created_at}, $when, 'made when';
    is $mail->{first_open_at}, undef, 'never opened';
    is $t->get('/api/tracks/' . uc $id)->{json}{id}, $id,
      'an id in capitals is the same mail';

    later;
    is $t->hit(uc $id), 200, 'its pixel, in capitals';
    ok $t->wait_for(sub {
        $t->get("/api/tracks/$id")->{json}{open_count} }), 'is known';
    $mail = $t->get("/api/tracks/$id")->{json};
    is $mail->{real_open_count}, 1, 'an open';
    is $mail->{state}, 'opened', 'opened';
    like $mail->{last_open_at}, $when, 'when';
    is $mail->{opens_next}, undef, 'no more of them';
    my $open = $mail->{opens}[0];
    is $open->{ip_address}, '127.0.0.1', 'from here';
    is $open->{user_agent}, $Mailtrack::Test::reader, 'by this program';
    ok $open->{is_real_open}, 'real';
    is $open->{counts}, 'open', 'it counts';
    is $open->{verdict}, 'human', 'a person';
    is $open->{proxy_type}, undef, 'nobody\'s proxy';
    like $open->{$_}, $when, $_ for qw(opened_at recorded_at);
    ok exists $open->{$_}, $_ for qw(referer country city rule rule_meaning);
    is_deeply $t->get("/api/tracks/$id/opens")->{json}, [$open],
      'and by itself';
}

# -- ids --------------------------------------------------------------------

for my $bad ('x', '0' x 36, substr($id, 1), "${id}0", $id =~ s/-/_/gr,
    '00000000-0000-4000-8000-000000000000', '%00', 'a%2Fb', '..',
    substr($id, 0, 35) . '%ff', 'x' x 4000, '%c0%af') {
    my $name = substr $bad, 0, 40;
    for ([GET => ''], [GET => '/opens'], [DELETE => '']) {
        my $answer = $t->request($_->[0], "/api/tracks/$bad$_->[1]");
        problem $answer, $answer->{status} == 400 ? 400 : 404,
          "$_->[0] no mail: $name";
    }
    my $answer = $t->patch("/api/tracks/$bad", json => { notes => 'x' });
    problem $answer, $answer->{status} == 400 ? 400 : 404,
      "PATCH no mail: $name";
}
problem $t->get('/api/tracks/00000000-0000-4000-8000-000000000000'), 404,
  'an unknown mail';

# -- what a body may say ----------------------------------------------------

sub refused {
    my ($what, $json, $field) = @_;
    problem $t->post('/api/tracks', json => $json), 422, $what, $field;
}
my %ok = (recipient => 'a@example.org');
refused 'nothing', {}, 'recipient';
refused 'no address', { recipient => 'nobody' }, 'recipient';
refused 'an empty one', { recipient => '' }, 'recipient';
refused 'a number', { recipient => 5 }, 'recipient';
refused 'null', { recipient => undef }, 'recipient';
refused 'a list where a string is due', { recipient => ['a@b.org'] },
  'recipient';
refused 'an empty list', { recipients => [] }, 'recipients';
refused 'one of them wrong', { recipients => ['a@b.org', 'x'] },
  'recipients[1]';
refused 'both', { %ok, recipients => ['a@b.org'] }, 'recipients';
refused 'script for an address', { recipient => '<script>alert(1)</script>' },
  'recipient';
refused 'more than 500 people',
  { recipients => [map { "p$_\@b.org" } 1 .. 501] }, 'recipients';
refused 'a long subject', { %ok, subject => 'x' x 999 }, 'subject';
refused 'two lines of subject', { %ok, subject => "a\r\nBcc: b\@c.org" },
  'subject';
refused 'a number of a subject', { %ok, subject => 1 }, 'subject';
refused 'long notes', { %ok, notes => 'x' x 10_001 }, 'notes';
refused 'a list of notes', { %ok, notes => ['x'] }, 'notes';
refused 'a long group', { %ok, message_group_id => 'x' x 256 },
  'message_group_id';
refused 'a string for a boolean', { %ok, pinned => 'true' }, 'pinned';
refused 'null for a boolean', { %ok, pinned => undef }, 'pinned';
refused 'a long client_id', { %ok, client_id => 'x' x 256 }, 'client_id';
refused 'an empty client_id', { %ok, client_id => '' }, 'client_id';
refused 'an unknown field', { %ok, subjet => 'x' }, 'subjet';
refused 'fields that are ours', { %ok, open_count => 5 }, 'open_count';
{
    my $json = problem $t->post('/api/tracks?x=1', json => {
        recipient => 'nobody', subject => 5, extra => 1 }), 422, 'all at once';
    is_deeply [sort map { $_->{field} } @{ $json->{errors} }],
      [qw(extra recipient subject x)], 'every fault is told';
    my $answer = $t->post('/api/tracks', json => { %ok, subject =>
        "\x{1f600}" x 998, notes => "\x{e9}" x 10_000 });
    is $answer->{status}, 201, 'limits count characters';
    is $answer->{json}{subject}, "\x{1f600}" x 998, 'all of them are kept';
    $answer = $t->post('/api/tracks', json => { %ok, subject => undef,
        notes => undef, message_group_id => undef, client_id => undef });
    is $answer->{status}, 201, 'null is as good as absent';
    is $answer->{json}{message_group_id}, undef, 'no group';
    my $mail = $t->post('/api/tracks', json => { recipients =>
        ['A@Example.org', 'a@example.ORG', 'Bo <b@example.org>'] })->{json};
    is_deeply [map { $_->{address} } @{ $mail->{recipients} }],
      ['a@example.org', 'b@example.org'], 'nobody twice';
    is $t->post('/api/tracks', json => { recipients => 'x@b.org, y@b.org' })
      ->{status}, 201, 'recipients as one string';
}

# -- bytes ------------------------------------------------------------------

for my $bad ('', ' ', '{', '{}x', "{'a':1}", '{"recipient":"a@b.org",}',
    '{"recipient":"a@b.org","recipient":"c@d.org"}',
    '{"recipient":"a@b.org\u0000"}', "{\"recipient\":\"\xff\@b.org\"}",
    "{\"recipient\":\"a\@b.org\"}\0", "\xef\xbb\xbf{}", '[' x 60_000,
    '{"a":' x 10_000, '{"a":1e999}', '{"a":99999999999999999999}',
    '{"a":"\ud800"}', "\x1f\x8b\x08", '<xml/>', 'recipient=a@b.org') {
    problem $t->post('/api/tracks', body($bad)), 400,
      'no JSON: ' . substr($bad =~ s/[^ -~]/?/gr, 0, 30);
}
like $t->post('/api/tracks', body("{\n  \"a\": nope}"))->{json}{detail},
  qr/Line 2, column \d+/, 'where it is wrong';
problem $t->post('/api/tracks', body($_)), 422, "no object: $_", 'body'
  for '[]', '1', 'null', '"x"';
for my $type ('text/plain', 'application/x-www-form-urlencoded', '',
    'application/jsonx', 'application/json; charset=latin1',
    'multipart/form-data; boundary=x', 'application/problem+json') {
    problem $t->post('/api/tracks', content => '{"recipient":"a@b.org"}',
        headers => { 'Content-Type' => $type }), 415, "type '$type'";
}
is $t->post('/api/tracks', body('{"recipient":"a@b.org"}',
        'Content-Type' => $_))->{status}, 201, "type '$_'"
  for 'application/json; charset=utf-8', 'Application/JSON ;charset="UTF-8"';

# A body of so many octets; chunked when asked.
sub sized {
    my ($size, $chunked) = @_;
    my $json = '{"recipient":"a@b.org","notes":""}';
    $json .= ' ' x ($size - length $json);
    my $head = "POST /api/tracks HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
      . "X-API-Key: " . $t->key . "\r\nContent-Type: application/json\r\n";
    return $t->raw("${head}Content-Length: $size\r\n\r\n$json", 10)
      if !$chunked;
    my $chunks = join '', map { sprintf "%x\r\n%s\r\n", length, $_ }
      unpack "(a$chunked)*", $json;
    return $t->raw("${head}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n",
        10);
}
for ([65_535, 201], [65_536, 201], [65_537, 413], [65_600, 413],
    [1_000_000, 413]) {
    my ($size, $status) = @$_;
    like sized($size), qr{\AHTTP/1.1 $status }, "$size octets: $status";
    like sized($size, 5000), qr{\AHTTP/1.1 $status },
      "$size octets in chunks: $status";
}
{
    my $head = "POST /api/tracks HTTP/1.1\r\nHost: x\r\nX-API-Key: "
      . $t->key . "\r\nContent-Type: application/json\r\n";
    my $answer = $t->raw("${head}Content-Length: 999999999999\r\n\r\n", 3);
    like $answer, qr{\AHTTP/1.1 413 }, 'refused without waiting for it';
    like $answer, qr/^Connection: close\r$/m, 'and closed';
    like $answer, qr{application/problem\+json}, 'with words';
    $answer = $t->raw("${head}Expect: 100-continue\r\n"
        . "Content-Length: 70000\r\n\r\n", 3);
    like $answer, qr{\AHTTP/1.1 413 }, 'no 100 Continue for that';
    like $t->raw("${head}Transfer-Encoding: chunked\r\nConnection: close\r\n"
        . "\r\nzz\r\n", 3), qr{\AHTTP/1.1 400 }, 'broken chunks';
    like $t->raw("${head}Content-Length: -1\r\n\r\n", 3),
      qr{\AHTTP/1.1 4\d\d }, 'a negative length';
}
is $t->get('/health')->{status}, 200, 'all the same to the server';

# -- header bytes -----------------------------------------------------------

for my $name ('X-API-Key', 'Idempotency-Key', 'If-None-Match', 'Origin') {
    my @wrong;
    for my $byte (1 .. 9, 11, 12, 14 .. 255) {
        my $key = $name eq 'X-API-Key' ? '' : 'X-API-Key: ' . $t->key . "\r\n";
        my $answer = $t->raw("GET /api/changes HTTP/1.1\r\nHost: x\r\n$key"
            . "$name: a" . chr($byte) . "b\r\nConnection: close\r\n\r\n", 5);
        push @wrong, $byte if $answer !~ m{\AHTTP/1.1 (?:200|400|401) };
    }
    is "@wrong", '', "every byte in $name";
}

# -- replays ----------------------------------------------------------------

{
    my %mail = (recipient => 'once@example.org', subject => 'Once');
    my %key  = ('Idempotency-Key' => 'key-1');
    my $first = $t->post('/api/tracks', json => \%mail, headers => {%key});
    is $first->{status}, 201, 'made';
    ok !exists $first->{headers}{'idempotency-replayed'}, 'for the first time';
    my $again = $t->post('/api/tracks', json => \%mail, headers => {%key});
    is $again->{status}, 200, 'sent again';
    is $again->{headers}{'idempotency-replayed'}, 'true', 'is said';
    is $again->{json}{id}, $first->{json}{id}, 'the same mail';
    is $again->{headers}{location}, $first->{headers}{location}, 'Location';
    is $t->post('/api/tracks', json => { %mail, client_id => 'key-1' })
      ->{json}{id}, $first->{json}{id}, 'client_id is the same key';
    is $t->post('/api/tracks', headers => {%key},
        json => { subject => 'Once', recipients => ['once@example.org'] })
      ->{status}, 200, 'the same content, written otherwise';
    problem $t->post('/api/tracks', json => { %mail, subject => 'Twice' },
        headers => {%key}), 409, 'another mail under the same key';
    problem $t->post('/api/tracks', json => { %mail, client_id => 'other' },
        headers => {%key}), 422, 'two keys', 'client_id';
    problem $t->post('/api/tracks', json => \%mail,
        headers => { 'Idempotency-Key' => $_ }), 422, 'no key',
      'Idempotency-Key' for 'a b', 'x' x 256, '';
    my $other = $t->post('/api/tracks', key => $track_key, json => \%mail,
        headers => {%key});
    is $other->{status}, 201, 'somebody else\'s key is another one';
    my ($row) = $t->sql("SELECT count(*) AS n FROM tracked_emails"
        . " WHERE subject = 'Once'");
    is $row->{n}, 2, 'two mails of eight requests';
}

# the same request from many at once: one mail
{
    my @parts = map {
        my $pid = open(my $from, '-|') // die "fork: $!";
        if (!$pid) {
            my $answer = $t->post('/api/tracks', json => {
                recipient => 'race@example.org', client_id => 'race' });
            print "$answer->{status} $answer->{json}{id}\n";
            close STDOUT;
            POSIX::_exit(0);
        }
        $from;
    } 1 .. 12;
    my %told;
    for my $from (@parts) {
        my ($status, $one) = split ' ', <$from> // '';
        $told{status}{ $status // 'none' }++;
        $told{id}{ $one // 'none' }++;
    }
    is_deeply $told{status}, { 201 => 1, 200 => 11 }, 'made once of twelve';
    is scalar keys %{ $told{id} }, 1, 'and everybody is told which';
}

# -- change and delete ------------------------------------------------------

{
    my $mail = $t->create(recipient => 'old@example.org', subject => 'Old',
        notes => 'n');
    my $path = "/api/tracks/$mail->{id}";
    my $change = sub { $t->patch($path, json => {@_}) };
    is $change->(notes => 'new')->{json}{notes}, 'new', 'notes';
    is $t->get($path)->{json}{subject}, 'Old', 'nothing else';
    ok $change->(pinned => JSON::PP::true)->{json}{pinned}, 'pinned';
    ok !$change->(pinned => JSON::PP::false)->{json}{pinned}, 'unpinned';
    is $change->(subject => 'New')->{json}{subject}, 'New', 'subject';
    is $change->(notes => undef)->{json}{notes}, '', 'null empties';
    my $answer = $change->(recipient => 'new@example.org, x@example.org');
    is_deeply [map { $_->{address} } @{ $answer->{json}{recipients} }],
      ['new@example.org', 'x@example.org'], 'recipients';
    is_deeply $answer->{json}{opens}, [], 'hits come with it';
    problem $change->(), 422, 'no change at all', 'body';
    problem $change->(message_group_id => 'x'), 422, 'the group stays',
      'message_group_id';
    problem $change->(recipient => 'nobody'), 422, 'no address', 'recipient';
    problem $change->(recipient => undef), 422, 'null for a recipient',
      'recipient';
    problem $change->(subject => 'x' x 999), 422, 'a long subject', 'subject';
    problem $change->(id => $mail->{id}), 422, 'the id stays', 'id';
    is $t->delete($path)->{status}, 204, 'deleted';
    problem $t->get($path), 404, 'gone';
    problem $t->delete($path), 404, 'once';
    problem $change->(notes => 'x'), 404, 'no change any more';
    is $t->hit($mail->{id}), 200, 'its pixel answers all the same';
}

# -- lists ------------------------------------------------------------------

sub ids { return [map { $_->{id} } @{ $_[0]{json} }] }

{
    my $begin = time;
    my @made = map { $t->create(recipient => "list$_\@lists.example",
        subject => "Listed $_ 100%_done", message_group_id => 'lists',
        pinned => $_ % 2 ? JSON::PP::true : JSON::PP::false) } 1 .. 5;
    my @ids = reverse map { $_->{id} } @made;
    my $in = 'message_group_id=lists';
    is_deeply ids($t->get("/api/tracks?$in")), \@ids, 'newest first';
    my ($path, @seen) = ("/api/tracks?limit=2&$in");
    for (1 .. 4) {
        my $answer = $t->get($path);
        push @seen, @{ ids($answer) };
        my $link = $answer->{headers}{link} // last;
        my $base = $t->url('');
        like $link, qr/\A<\Q$base\E[^>]+>; rel="next"\z/,
          'the next page, absolute';
        ($path) = $link =~ /<\Q$base\E([^>]+)>/;
    }
    is_deeply \@seen, \@ids, 'page by page';
    my $one = sub { scalar @{ $t->get("/api/tracks?$in&$_[0]")->{json} } };
    is $one->('search=listed'), 5, 'a word';
    is $one->('search=list+3'), 1, 'the beginning of one, and another';
    is $one->('search=%25'), 0, '% is no wildcard';
    is $one->('search=l_sted'), 0, 'nor is _';
    is $one->('search=nowhere'), 0, 'no such word';
    is $one->('recipient=list2%40lists.example'), 1, 'an address';
    is $one->('recipient=LIST2%40lists.example'), 1, 'in any case';
    is $one->('recipient=list%25'), 0, 'no part of one';
    is $one->('pinned=true'), 3, 'pinned';
    is $one->('pinned=false'), 2, 'not pinned';
    is $one->('filter=unopened'), 5, 'unopened';
    is $one->('filter=opened'), 0, 'opened';
    is $one->('filter=possible'), 0, 'cannot tell';
    is $one->("since=$made[2]{created_at}"), 3, 'since, inclusive';
    is $one->("until=$made[2]{created_at}"), 2, 'until, exclusive';
    is $one->(sprintf 'since=%.6f', $begin), 5, 'since in UNIX seconds';
    is $one->('search='), 5, 'empty is absent';
    $t->hit($made[4]{id});
    ok $t->wait_for(sub { $one->('filter=possible') == 1 }),
      'read at once: nobody can tell';
    is $t->get("/api/tracks/$made[4]{id}")->{json}{state}, 'possible',
      'and it says so';
    later;
    $t->hit($made[0]{id});
    ok $t->wait_for(sub { $one->('filter=opened') == 1 }), 'opened by now';
    is $one->('filter=unopened'), 3, 'the others are not';
    is $one->('filter=possible'), 1, 'as before';

    my ($exit, undef, $said) = $t->ctl({ stdin => "correct horse\n" },
        'user', 'add', 'ann');
    is $exit, 0, 'a user' or diag $said;
    my (undef, $anns) = $t->ctl('key', 'add', 'anns', '--scope', 'track',
        '--user', 'ann');
    chomp $anns;
    my $hers = $t->post('/api/tracks', key => $anns,
        json => { recipient => 'a@b.org', message_group_id => 'lists' });
    is_deeply ids($t->get("/api/tracks?mine=true&$in", key => $anns)),
      [$hers->{json}{id}], 'hers';
    is scalar @{ $t->get("/api/tracks?$in", key => $anns)->{json} }, 6,
      'a team sees everything';
    problem $t->get('/api/tracks?mine=true'), 422, 'nobody\'s key', 'mine';

    $t->create(subject => 'R&D <x>', message_group_id => 'a&b="c">')
      for 1 .. 2;
    my $strange = 'message_group_id=a%26b%3D%22c%22%3E&search=R%26D';
    for my $query ($strange, $strange =~ s/%3E/>/r =~ s/%22/"/gr) {
        my $link = $t->get("/api/tracks?limit=1&$query")->{headers}{link};
        my $base = $t->url('');
        like $link, qr/\A<[^<>"\s]+>; rel="next"\z/, 'a Link stays one';
        ($path) = $link =~ /<\Q$base\E([^>]+)>/;
        is scalar @{ $t->get($path)->{json} }, 1, 'and leads on';
    }

    for ('limit=0', 'limit=201', 'limit=x', 'limit=1.5', 'limit=-1',
        'limit=99999999999999999999', 'filter=read', 'pinned=maybe',
        'since=yesterday', 'since=2026-01-01T00:00:00', 'since=1e20',
        'until=2026-13-01T00:00:00Z', 'cursor=%ff', 'search=%00', 'search=%',
        'search=' . 'x' x 257, 'recipient=' . 'x' x 321, 'limt=5',
        'cursor=' . 'x' x 513, 'message_group_id=' . 'x' x 256,
        'limit=1&limit=2') {
        my ($field) = /\A(\w+)/;
        problem $t->get("/api/tracks?$_"), 422, substr($_, 0, 40), $field;
    }
    problem $t->get("/api/tracks?cursor=$_"), 422, "cursor $_", 'cursor'
      for 'x', '-1', '../..', '%27', '9' x 40;
    problem $t->get('/api/tracks?' . join '&', map { "p$_=1" } 1 .. 50), 422,
      'too many parameters';
}

# -- hits of one mail -------------------------------------------------------

{
    my $mail = $t->create;
    later;
    $t->hit($mail->{id}) for 1 .. 7;
    ok $t->wait_for(sub {
        $t->get("/api/tracks/$mail->{id}")->{json}{open_count} == 7 }),
      'seven hits';
    my ($path, @seen) = ("/api/tracks/$mail->{id}/opens?limit=3");
    while ($path) {
        my $answer = $t->get($path);
        push @seen, @{ $answer->{json} };
        my $base = $t->url('');
        ($path) = ($answer->{headers}{link} // '') =~ /<\Q$base\E([^>]+)>/;
    }
    my @times = map { $_->{opened_at} } @seen;
    is_deeply \@times, [reverse sort @times], 'newest first';
    my %once = map { $_->{id} => 1 } @seen;
    is scalar keys %once, 7, 'all of them, page by page';
    problem $t->get("/api/tracks/$mail->{id}/opens?cursor=x"), 422,
      'no cursor', 'cursor';
    problem $t->get("/api/tracks/$mail->{id}?x=1"), 422, 'no parameters', 'x';
}

# -- what is new ------------------------------------------------------------

{
    my $all = $t->get('/api/opens/recent')->{json};
    ok @$all > 5, 'recent opens';
    is_deeply [sort keys %{ $all->[0] }], [qw(city country open_id opened_at
        recipient recorded_at subject track_id)], 'the fields';
    my $newest = $all->[0]{recorded_at};
    my $since = $t->get("/api/opens/recent?since=$newest")->{json};
    is $since->[0]{open_id}, $all->[0]{open_id}, 'since is inclusive';
    my ($path, %seen) = ('/api/opens/recent?limit=2&since=0');
    while ($path) {
        my $answer = $t->get($path);
        $seen{ $_->{open_id} }++ for @{ $answer->{json} };
        my $base = $t->url('');
        ($path) = ($answer->{headers}{link} // '') =~ /<\Q$base\E([^>]+)>/;
    }
    is_deeply [sort { $b <=> $a } keys %seen],
      [map { $_->{open_id} } @$all], 'all of them, by cursor';
    is_deeply [grep { $_ != 1 } values %seen], [], 'each once';
    my $mail = $t->create;
    later;
    my $before = $t->get('/api/opens/recent')->{json}[0]{open_id};
    $t->pixel($mail->{id}, 'User-Agent' => 'curl/7.88.1');
    $t->hit($mail->{id});
    ok $t->wait_for(sub { $t->get('/api/opens/recent')->{json}[0]{open_id}
          > $before }), 'a new one';
    is scalar(grep { $_->{track_id} eq $mail->{id} }
          @{ $t->get('/api/opens/recent')->{json} }), 1,
      'programs are not among them';
    problem $t->get('/api/opens/recent?since=1e20'), 422, 'no time', 'since';
    problem $t->get('/api/opens/recent?cursor=x'), 422, 'no cursor', 'cursor';
}

{
    my $start = $t->get('/api/changes')->{json};
    like $start->{cursor}, qr/\A\d+\z/, 'a cursor to begin with';
    is_deeply [$start->{opens}, $start->{tracks}], [[], []], 'and no more';
    my $mail = $t->create(subject => 'Changed');
    my $path = "/api/changes?after=$start->{cursor}";
    my $answer = $t->get($path);
    ok scalar(grep { $_->{id} eq $mail->{id} } @{ $answer->{json}{tracks} }),
      'a mail that was made';
    $path = "/api/changes?after=$answer->{json}{cursor}";
    $answer = $t->get($path);
    my $etag = $answer->{headers}{etag};
    like $etag, qr/\A"[0-9a-f]{32}"\z/, 'an ETag';
    my $none = $t->get($path, headers => { 'If-None-Match' => $etag });
    is $none->{status}, 304, 'nothing new';
    is $none->{content} // '', '', 'is nothing';
    is $t->get($path, headers => { 'If-None-Match' => $_ })->{status}, 304,
      "as $_" for '"x", ' . $etag, "W/$etag", $etag =~ s/"\z/-gzip"/r, '*';
    $t->hit($mail->{id});
    ok $t->wait_for(sub { $answer = $t->get($path,
        headers => { 'If-None-Match' => $etag }); $answer->{status} == 200 }),
      'until there is';
    my ($open) = grep { $_->{track_id} eq $mail->{id} }
      @{ $answer->{json}{opens} };
    is $open->{subject}, 'Changed', 'an open, with its mail';
    cmp_ok $answer->{json}{cursor}, '>', $start->{cursor}, 'the cursor moves';
    ok !$answer->{json}{incomplete}, 'nothing is left out';
    problem $t->get("/api/changes?after=$_"), 422, "no cursor: $_", 'after'
      for 'x', '-1', '1' x 17;
    ok $t->get('/api/changes?after=0')->{json}{tracks}, 'from the beginning';

    $start = $t->get('/api/changes')->{json}{cursor};
    $t->create(recipient => 'many@example.org') for 1 .. 200;
    my $much = $t->get("/api/changes?after=$start")->{json};
    ok $much->{incomplete}, 'too much to tell is said';
    cmp_ok $much->{cursor}, '>', $start, 'with a cursor to go on from';
    cmp_ok $much->{cursor} - $start, '<', 60e6, 'from now, that is';
}

# -- figures ----------------------------------------------------------------

{
    my $stats = $t->get('/api/stats')->{json};
    my ($row) = $t->sql('SELECT count(*) AS n, sum(open_count) AS o,'
        . ' sum(real_open_count) AS r, sum(seen = 2) AS s FROM tracked_emails');
    is $stats->{total_tracks}, $row->{n}, 'mails';
    is $stats->{total_opens}, $row->{o}, 'hits';
    is $stats->{real_opens}, $row->{r}, 'opens';
    is $stats->{tracks_with_opens}, $row->{s}, 'mails opened';
    is $stats->{latest_real_open}{open_id},
      $t->get('/api/opens/recent')->{json}[0]{open_id}, 'the latest';

    for my $tz ('UTC', 'Europe/Berlin', '%2B05:30', 'Pacific/Kiritimati') {
        my $json = $t->get("/api/analytics?days=7&tz=$tz")->{json};
        is scalar @{ $json->{series} }, 7, "seven days in $tz";
        is $json->{totals}{mails}, $row->{n}, 'all mails';
        is $json->{totals}{opens}, $row->{r}, 'all opens';
        is $json->{series}[6]{mails}, $row->{n}, 'today is there';
        is $json->{series}[6]{date}, $json->{to}, 'and is the last';
        is $json->{previous}{mails}, 0, 'nothing before';
        is $json->{previous}{to}, $json->{totals}{from}, 'just before';
        my $sum = 0;
        $sum += $_ for values %{ $json->{totals}{verdicts} };
        is $sum, $row->{o}, 'every hit has a verdict';
    }
    my $json = $t->get('/api/analytics?from=2026-10-20&to=2026-10-30'
        . '&tz=Europe/Berlin')->{json};
    is_deeply [map { $_->{date} } @{ $json->{series} }],
      [map { "2026-10-$_" } 20 .. 30], 'no day is lost when clocks change';
    is $json->{series}[5]{from}, '2026-10-24T22:00:00.000000Z', 'that day';
    is $json->{series}[5]{to}, '2026-10-25T23:00:00.000000Z', 'has 25 hours';
    is $t->get('/api/analytics?days=365')->{json}{bucket}, 'week', 'weeks';
    is $t->get('/api/analytics?days=3650')->{json}{bucket}, 'month', 'months';
    my $every = $t->get('/api/analytics?days=all')->{json};
    is scalar @{ $every->{series} }, 1, 'all begins with the first mail';
    is $every->{totals}{mails}, $row->{n}, 'and has them all';
    problem $t->get("/api/analytics?$_->[0]"), 422, $_->[0], $_->[1]
      for ['days=0', 'days'], ['days=x', 'days'], ['days=99999', 'days'],
      ['tz=Mars/Olympus', 'tz'], ['tz=../../etc/passwd', 'tz'],
      ['tz=/etc/passwd', 'tz'], ['tz=%00', 'tz'], ['from=2026-02-30', 'from'],
      ['to=x', 'to'], ['from=2026-02-02&to=2026-02-01', 'from'],
      ['from=1970-01-01&to=2099-01-01', 'from'],
      ['days=7&from=2026-01-01', 'days'], ['day=7', 'day'];
}

# -- people -----------------------------------------------------------------

{
    my $list = $t->get('/api/recipients?search=lists.example')->{json};
    is scalar @$list, 5, 'people, searched';
    my $person = $t->get('/api/recipients/list1@lists.example')->{json};
    is $person->{mails}, 1, 'one of them';
    is $person->{mails_opened}, 1, 'has opened';
    cmp_ok $person->{open_rate}, '==', 1, 'always';
    is $person->{tracks}[0]{subject}, 'Listed 1 100%_done', 'with the mails';
    is $t->get('/api/recipients/LIST1%40Lists.Example')->{json}{address},
      'list1@lists.example', 'in any case';
    problem $t->get('/api/recipients/nobody@example.org'), 404, 'nobody';
    problem $t->get('/api/recipients/' . 'x' x 400), 404, 'a long nobody';
    problem $t->get('/api/recipients/%ff'), 404, 'bytes';
    for my $sort (qw(mails opened rate last_mail last_open address)) {
        for my $order (qw(asc desc)) {
            my ($path, %seen) =
              ("/api/recipients?limit=3&sort=$sort&order=$order");
            while ($path) {
                my $answer = $t->get($path);
                $seen{ $_->{address} }++ for @{ $answer->{json} };
                my $base = $t->url('');
                ($path) = ($answer->{headers}{link} // '')
                  =~ /<\Q$base\E([^>]+)>/;
            }
            my ($row) = $t->sql('SELECT count(*) AS n FROM recipients');
            is scalar keys %seen, $row->{n}, "everybody by $sort $order";
            is scalar(grep { $_ != 1 } values %seen), 0, 'once';
        }
    }
    problem $t->get("/api/recipients?$_->[0]"), 422, $_->[0], $_->[1]
      for ['sort=name', 'sort'], ['order=up', 'order'], ['cursor=x', 'cursor'],
      ['limit=1000', 'limit'];
}

# -- exports ----------------------------------------------------------------

sub rows {
    my ($text) = @_;
    my @rows = ([]);
    while ($text =~ /\G(?:"((?:[^"]|"")*)"|([^,"\r\n]*))(,|\r\n|\z)/g) {
        my ($quoted, $plain, $end) = ($1, $2, $3);
        my $cell = $plain // $quoted =~ s/""/"/gr;
        last if $end eq '' && !@{ $rows[-1] } && $cell eq '';
        push @{ $rows[-1] }, $cell;
        push @rows, [] if $end eq "\r\n";
    }
    pop @rows if !@{ $rows[-1] };
    return @rows;
}

{
    my $evil = $t->create(recipient => 'evil@example.org',
        subject => '=HYPERLINK("http://x","y")');
    $t->pixel($evil->{id}, 'User-Agent' => '@SUM(1+9)*cmd|" /C calc"!A0');
    $t->create(recipient => 'mute@example.org', subject => "+1,\x{e9}");
    ok $t->wait_for(sub {
        $t->get("/api/tracks/$evil->{id}")->{json}{open_count} }), 'evil';
    my $answer = $t->get('/api/export/opens.csv');
    is $answer->{status}, 200, 'opens.csv';
    like $answer->{headers}{'content-type'}, qr{\Atext/csv}, 'is CSV';
    like $answer->{headers}{'content-disposition'},
      qr/\Aattachment; filename="opens\.csv"\z/, 'to be saved';
    my ($names, @rows) = rows($answer->{content});
    my %at = map { $names->[$_] => $_ } 0 .. $#$names;
    is scalar(grep { @$_ != @$names } @rows), 0, 'every row is whole';
    my ($row) = $t->sql('SELECT (SELECT count(*) FROM opens) +'
        . ' (SELECT count(*) FROM tracked_emails WHERE open_count = 0) AS n');
    is scalar @rows, $row->{n}, 'a row a hit, and one a mail without';
    my ($bad) = grep { $_->[0] eq $evil->{id} } @rows;
    is $bad->[ $at{subject} ], q{'=HYPERLINK("http://x","y")},
      'no formula in the subject';
    is $bad->[ $at{user_agent} ], q{'@SUM(1+9)*cmd|" /C calc"!A0},
      'nor in the user agent';
    my ($mute) = grep { $_->[ $at{recipient} ] eq 'mute@example.org' } @rows;
    is $mute->[ $at{subject} ], "'+1,\xc3\xa9", 'a mail nobody opened';
    is $mute->[ $at{open_id} ], '', 'has no open';
    is scalar(rows($t->get('/api/export/opens.csv?until=1')->{content})), 1,
      'no mail, a header line';
    is $t->request(HEAD => '/api/export/opens.csv')->{content} // '', '', 'HEAD';
    (undef, @rows) = rows($t->get('/api/export/recipients.csv')->{content});
    ($row) = $t->sql('SELECT count(*) AS n FROM recipients');
    is scalar @rows, $row->{n}, 'recipients.csv has everybody';
    ($names, @rows) = rows($t->get('/api/export/analytics.csv?days=7')
          ->{content});
    is scalar @rows, 7, 'analytics.csv has seven days';
    is $names->[0], 'date', 'by date';
    problem $t->get('/api/export/opens.csv?since=x'), 422, 'no time', 'since';
    problem $t->get('/api/export/analytics.csv?tz=x'), 422, 'no zone', 'tz';
    problem $t->get('/api/export/opens.csv', key => undef), 401, 'no key';
}

# -- health -----------------------------------------------------------------

{
    my $health = $t->get('/health', key => undef);
    is $health->{status}, 200, 'well';
    is $health->{json}{status}, 'ok', 'and says so';
    is $health->{json}{database}{status}, 'ok', 'the store';
    is $health->{json}{spool}{lost}, 0, 'nothing lost';
    ok !exists $health->{headers}{'access-control-allow-origin'}, 'no CORS';
    my $key = $t->key;
    unlike $health->{content}, qr/\Q$key\E|password/i, 'no secret';
    problem $t->get('/health?check=x'), 422, 'no such check', 'check';

    my ($store, $away) = ($t->store, $t->store . '.away');
    rename $store, $away or die "rename: $!";
    my $json = problem $t->get('/health', key => undef), 503, 'store away';
    like $json->{remedy}, qr/mailtrackctl/, 'with the way out';
    is $json->{health}{database}{status}, 'error', 'and what is wrong';
    like $json->{detail}, qr/\Q$store\E/, 'where';
    for my $header ('X-Forwarded-For', 'Forwarded') {
        for my $path ('/health', '/health?check=pixel', '/api/tracks') {
            unlike $t->get($path, headers => { $header => '192.0.2.1' })
              ->{content}, qr/\Q$t->{dir}\E/, "$path, $header: not the world";
        }
    }
    is $t->get('/health?check=pixel', key => undef)->{status}, 200,
      'pixels are answered';
    is $t->hit($id), 200, 'indeed';
    my $answer = $t->get('/api/tracks');
    $json = problem $answer, 503, 'the API says the same';
    like $json->{remedy}, qr/mailtrackctl/, 'with the way out';
    ok $answer->{headers}{'retry-after'}, 'and when to come back';
    rename $away, $store or die "rename: $!";
    ok $t->wait_for(sub { $t->get('/health')->{status} == 200 }, 10),
      'it heals by itself';
    ok $t->wait_for(sub { $t->get('/health')->{json}{status} eq 'ok' }, 10),
      'wholly';
}
$t->expect(qr/mailtrack.*(?:store|drain)/i, qr/database is locked/);

# -- a store that somebody else holds ---------------------------------------

{
    open my $lock, '|-', 'sqlite3', $t->store or die "sqlite3: $!";
    $lock->autoflush(1);
    print {$lock} ".timeout 10000\nBEGIN IMMEDIATE;\n.shell touch $t->{dir}/held\n";
    ok $t->wait_for(sub { -e "$t->{dir}/held" }, 15), 'somebody holds the store';
    my $begin = time;
    is $t->get('/api/tracks')->{status}, 200, 'reading goes on';
    cmp_ok time - $begin, '<', 1, 'without waiting';
    my $answer = $t->post('/api/tracks', json => { recipient => 'a@b.org' });
    problem $answer, 503, 'writing does not';
    ok $answer->{headers}{'retry-after'}, 'for now';
    unlike $answer->{content}, qr/locked|SQLITE|\.db/i, 'no insides are told';
    cmp_ok time - $begin, '<', 15, 'and not for ever';
    is $t->hit($id), 200, 'pixels go on';
    print {$lock} "ROLLBACK;\n";
    close $lock;
    is $t->post('/api/tracks', json => { recipient => 'a@b.org' })->{status},
      201, 'and then it does';
}

# -- a base URL with a path -------------------------------------------------

{
    my $b = Mailtrack::Test->new(base_path => '/mail', children => 1,
        config => 'LimitRequestBody 1000');
    my $answer = $b->post('/api/tracks', json => { recipient => 'a@b.org' });
    is $answer->{status}, 201, 'below a path';
    is $answer->{headers}{location},
      $b->url("/mail/api/tracks/$answer->{json}{id}"), 'Location has it';
    like $answer->{json}{pixel_url}, qr{/mail/p/$uuid\.gif\z}, 'so has the pixel';
    problem $b->post('/api/tracks', body('{' . ' ' x 2000 . '}')), 413,
      'a smaller LimitRequestBody';
    $b->create for 1 .. 2;
    like $b->get('/api/tracks?limit=1')->{headers}{link},
      qr{\A<\Q${\ $b->url('/mail/api/tracks?limit=1&cursor=') }\E},
      'and the next page';
    for my $path ('/api/tracks', '/health', '/api/openapi.json',
        '/mailx/health', '/mail/healthy') {
        my $other = $b->{http}->get($b->url($path));
        is $other->{status}, 404, "a neighbour's: $path";
        unlike $other->{headers}{'content-type'} // '', qr/problem/,
          'is not answered by us';
    }
}

# -- neighbours in the same vhost -------------------------------------------

{
    my $n = Mailtrack::Test->new(children => 1,
        modules => [qw(alias rewrite proxy proxy_http)], config => <<'END');
RewriteEngine On
RewriteRule ^/api/tracks - [F]
Alias /api/stats /nonexistent
ProxyPass / http://127.0.0.1:9/
AddEncoding x-gzip .gz
AddType application/x-nothing .org
<Location /api/changes>
Require all denied
</Location>
<Directory />
Require all denied
</Directory>
END
    is $n->get($_)->{status}, 200, "$_ stays ours"
      for qw(/health /api/tracks /api/stats);
    $n->create(recipient => 'a@b.org.gz');
    my $answer = $n->get('/api/recipients/a@b.org.gz');
    is $answer->{status}, 200, 'a name like a file';
    is $answer->{headers}{'content-type'}, 'application/json', 'is none';
    ok !exists $answer->{headers}{'content-encoding'}, 'nor packed';
    $n->expect(qr/AH01630: client denied/);
    problem $n->get('/api/changes'), 403, '<Location> holds, and says so';
}

# -- HTTP/2 -----------------------------------------------------------------

{
    my $h = Mailtrack::Test->new(modules => ['http2'], children => 1,
        config => 'Protocols h2c http/1.1');
    my $body = $h->dir . '/body';
    my $curl = sub {
        my ($path, @options) = @_;
        open my $from, '-|', 'curl', '-sS', '--http2-prior-knowledge', '-w',
          '\n%{http_version} %{http_code}', '-H', 'X-API-Key: ' . $h->key,
          @options, $h->url($path) or die "curl: $!";
        local $/;
        return scalar <$from>;
    };
    for ([100, 201], [65_536, 201], [65_537, 413], [600_000, 413]) {
        my ($size, $status) = @$_;
        open my $file, '>', $body or die "$body: $!";
        my $json = '{"recipient":"a@b.org"}';
        print {$file} $json, ' ' x ($size - length $json);
        close $file;
        like $curl->('/api/tracks', '-H', 'Content-Type: application/json',
            '--data-binary', "\@$body"), qr/\n2 $status\z/,
          "HTTP/2: $size octets: $status";
    }
    like $curl->('/api/export/opens.csv'), qr/\n2 200\z/, 'HTTP/2: an export';
    like $curl->('/api/tracks/x', '-X', 'DELETE'), qr/"status":404.*\n2 404\z/s,
      'HTTP/2: a problem';
}

done_testing;
