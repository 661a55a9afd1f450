#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# openapi.json against the route table, against itself (its own examples) and
# against what the server really answers.

use strict;
use warnings;
use JSON::PP ();
use Mailtrack::Routes;
use Mailtrack::Test;

my $t = Mailtrack::Test->new;
my $source = Mailtrack::Test::source_dir();
my $served = $t->get('/api/openapi.json', key => undef);
is $served->{status}, 200, 'served without a key';
my $api = $served->{json};

# -- a JSON Schema checker for what this document uses ----------------------

my %known = map { $_ => 1 } qw($ref type properties required items enum oneOf
  additionalProperties minimum maximum minLength maxLength minItems maxItems
  minProperties pattern format description examples default);

sub type_of {
    my ($value) = @_;
    return 'null' if !defined $value;
    return 'object' if ref $value eq 'HASH';
    return 'array' if ref $value eq 'ARRAY';
    return 'boolean' if JSON::PP::is_bool($value);
    my $text = JSON::PP->new->allow_nonref->encode($value);
    return 'string' if $text =~ /\A"/;
    return $text =~ /\A-?\d+\z/ ? 'integer' : 'number';
}

my %format = (
    'date-time' => qr/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\z/,
    date => qr/\A\d{4}-\d\d-\d\d\z/,
    uuid => qr/\A[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\z/,
    uri => qr{\Ahttps?://[^\s<>"]+\z},
    'uri-reference' => qr{\A[^\s<>"]+\z},
);

# What is wrong with a value, each with its place; nothing when it fits.
sub faults {
    my ($value, $schema, $at) = @_;
    return faults($value, resolve($schema->{'$ref'}), $at)
      if $schema->{'$ref'};
    my @unknown = grep { !$known{$_} } keys %$schema;
    return "$at: the checker does not know @unknown" if @unknown;
    if ($schema->{oneOf}) {
        my $fits = grep { !faults($value, $_, $at) } @{ $schema->{oneOf} };
        return "$at: fits $fits of oneOf" if $fits != 1;
    }
    my $type = type_of($value);
    if (my $types = $schema->{type}) {
        my @types = ref $types ? @$types : $types;
        return "$at: $type, expected @types"
          if !grep { $_ eq $type || ($_ eq 'number' && $type eq 'integer') }
          @types;
    }
    return (bounds($value, $type, $schema, $at),
        $type eq 'object' ? members($value, $schema, $at)
        : $type eq 'array' ? items($value, $schema, $at) : ());
}

sub resolve {
    my ($ref) = @_;
    my $node = $api;
    $node = $node->{$_} // die "$ref leads nowhere"
      for split m{/}, $ref =~ s{\A#/}{}r;
    return $node;
}

sub bounds {
    my ($value, $type, $schema, $at) = @_;
    my @faults;
    if ($type eq 'string') {
        my $length = length $value;
        push @faults, "$at: $length characters"
          if $length < ($schema->{minLength} // 0)
          || $length > ($schema->{maxLength} // 1e9);
        push @faults, "$at: '$value' is no $schema->{format}"
          if $schema->{format}
          && $value !~ ($format{ $schema->{format} } // die $schema->{format});
        push @faults, "$at: '$value' does not match"
          if $schema->{pattern} && $value !~ /$schema->{pattern}/;
    }
    if ($type eq 'integer' || $type eq 'number') {
        push @faults, "$at: $value is out of range"
          if $value < ($schema->{minimum} // -9e18)
          || $value > ($schema->{maximum} // 9e18);
    }
    if (my $enum = $schema->{enum}) {
        my ($one, @all) = map { $_ // 'null' } $value, @$enum;
        push @faults, "$at: '$one' is none of @all"
          if !grep { $_ eq $one } @all;
    }
    return @faults;
}

sub members {
    my ($value, $schema, $at) = @_;
    my $properties = $schema->{properties} // {};
    my @faults = map { "$at: no $_" }
      grep { !exists $value->{$_} } @{ $schema->{required} // [] };
    my $others = $schema->{additionalProperties} // JSON::PP::true;
    for my $name (sort keys %$value) {
        push @faults, $properties->{$name}
          ? faults($value->{$name}, $properties->{$name}, "$at.$name")
          : $others ? () : "$at: $name is not described";
    }
    push @faults, "$at: too few members"
      if keys %$value < ($schema->{minProperties} // 0);
    return @faults;
}

sub items {
    my ($value, $schema, $at) = @_;
    my $count = @$value;
    my @faults;
    push @faults, "$at: $count items"
      if $count < ($schema->{minItems} // 0)
      || $count > ($schema->{maxItems} // 1e9);
    if ($schema->{items}) {
        push @faults, faults($value->[$_], $schema->{items}, "$at\[$_]")
          for 0 .. $#$value;
    }
    return @faults;
}

sub fits {
    my ($value, $schema, $what) = @_;
    my @faults = faults($value, $schema, '');
    ok !@faults, $what or diag join "\n", @faults;
}

# the checker itself: a test that cannot fail proves nothing
{
    my $schema = { type => 'object', required => ['a'],
        additionalProperties => JSON::PP::false,
        properties => { a => { type => ['integer', 'null'], minimum => 0 } } };
    my $read = sub { JSON::PP->new->decode($_[0]) };
    is scalar faults($read->('{"a":1}'), $schema, ''), 0, 'checker: fits';
    for ('{}', '{"a":"1"}', '{"a":-1}', '{"a":1.5}', '{"a":1,"b":2}', '[]') {
        cmp_ok scalar(my @f = faults($read->($_), $schema, '')), '>', 0,
          "checker: refuses $_";
    }
}

# -- against the route table ------------------------------------------------

my (%table, %described, %operation);
{
    open my $file, '<', "$source/mod_mailtrack/api/route.c" or die $!;
    local $/;
    my ($rows) = <$file> =~ /route_table\[\] = \{(.*)\n\};/s;
    my %scope = (NONE => undef, map { uc, $_ } qw(track write self admin));
    $table{"$1 $2"} = $scope{$3} // 'none'
      while $rows =~ /\{ "([A-Z]+)", "([^"]+)", SCOPE_(\w+),/g;
    cmp_ok scalar keys %table, '>', 10, 'the table is read';
}
for my $path (keys %{ $api->{paths} }) {
    for my $method (keys %{ $api->{paths}{$path} }) {
        my $one = $api->{paths}{$path}{$method};
        $described{ uc($method) . " $path" } = $one->{'x-scope'} // 'none';
        $operation{ $one->{operationId} }++;
        is !!$one->{'x-scope'}, !!@{ $one->{security} },
          "$one->{operationId}: security and scope agree";
        my @in_path = $path =~ /\{(\w+)\}/g;
        my @given = map { $_->{name} }
          grep { $_->{in} eq 'path' } @{ $one->{parameters} // [] };
        is "@given", "@in_path", "$one->{operationId}: parameters of the path";
    }
}
is_deeply \%described, \%table, 'the same routes with the same scopes';
is_deeply [grep { $_ != 1 } values %operation], [], 'each operation by a name';
for my $path (sort keys %{ $api->{paths} }) {
    my %allow = map { $_ => 1 } 'OPTIONS',
      map { uc } keys %{ $api->{paths}{$path} };
    $allow{HEAD} = 1 if $allow{GET};
    my $answer = $t->request(OPTIONS => $path =~ s/\{\w+\}/x/r, key => undef);
    is_deeply { map { $_ => 1 } split /, /, $answer->{headers}{allow} // '' },
      \%allow, "$path: Allow";
}

# -- against itself ---------------------------------------------------------

{
    my @todo = ([$api, '#']);
    while (my $next = shift @todo) {
        my ($node, $at) = @$next;
        if (ref $node eq 'ARRAY') {
            push @todo, map { [$node->[$_], "$at/$_"] } 0 .. $#$node;
        } elsif (ref $node eq 'HASH') {
            ok eval { resolve($node->{'$ref'}) }, "$at: $node->{'$ref'}"
              if $node->{'$ref'} && !ref $node->{'$ref'};
            fits($node->{example}, $node->{schema}, "$at: its example")
              if exists $node->{example} && $node->{schema};
            push @todo, map { [$node->{$_}, "$at/$_"] } sort keys %$node;
        }
    }
    my ($version) = do {
        open my $file, '<', "$source/configure.ac" or die $!;
        local $/;
        <$file> =~ /AC_INIT\(\[mailtrack\], \[([^\]]+)\]/;
    };
    is $api->{info}{version}, $version, 'the version of this build';
    is $api->{servers}[0]{url}, $t->url(''), 'the URL of this server';
    like $api->{openapi}, qr/\A3\.1\./, 'OpenAPI 3.1';
}

# -- against answers --------------------------------------------------------

# The answer fits what its operation says of this status.
my %answered;

sub answer_fits {
    my ($method, $pattern, $path, %option) = @_;
    my $answer = $t->request($method, $path, %option);
    my $status = $answer->{status};
    my $response = $api->{paths}{$pattern}{ lc $method }{responses}{$status};
    my $what = "$method $path: $status";
    $answered{"$method $pattern"}++ if $status < 400;
    ok $response, "$what is described" or return $answer;
    $response = resolve($response->{'$ref'}) if $response->{'$ref'};
    my ($type) = ($answer->{headers}{'content-type'} // '') =~ /\A([^;]+)/;
    if (!$response->{content}) {
        is $answer->{content} // '', '', "$what has no body";
        return $answer;
    }
    my $content = $response->{content}{ $type // '' };
    ok $content, "$what is $type" or return $answer;
    fits($answer->{json}, $content->{schema}, "$what fits")
      if $type =~ /json/;
    ok exists $answer->{headers}{ lc $_ } || $_ eq 'Link', "$what: $_"
      for keys %{ $response->{headers} // {} };
    return $answer;
}

my $mail = $t->create(recipient => 'Ann <ann@example.org>', subject => 'S');
$t->create(recipient => 'bob@example.org', message_group_id => 'g');
sleep 3;    # a hit right after the sending is a machine's
$t->pixel($mail->{id}, 'User-Agent' => $_)
  for $Mailtrack::Test::reader, 'curl/7.88.1', 'Mozilla/5.0 (Windows NT 5.1; '
  . 'rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)';
$t->request(HEAD => "/p/$mail->{id}.gif", key => undef);
ok $t->wait_for(sub {
    $t->get("/api/tracks/$mail->{id}")->{json}{open_count} == 4 }), 'hits';

my $tracks = '/api/tracks';
my $one    = "$tracks/{id}";
answer_fits(GET => '/health', '/health', key => undef);
answer_fits(GET => '/health', '/health?check=pixel');
answer_fits(GET => '/health', '/health?check=x');
answer_fits(GET => '/api/openapi.json', '/api/openapi.json');
answer_fits(GET => $tracks, $tracks);
answer_fits(GET => $tracks, "$tracks?limit=1");
answer_fits(GET => $tracks, "$tracks?limit=x");
answer_fits(GET => $tracks, $tracks, key => undef);
my %json = (json => { recipient => 'a@b.org', client_id => 'c' });
is answer_fits(POST => $tracks, $tracks, %json)->{status}, 201, 'made';
is answer_fits(POST => $tracks, $tracks, %json)->{status}, 200, 'again';
$json{json}{subject} = 'x';
is answer_fits(POST => $tracks, $tracks, %json)->{status}, 409, 'otherwise';
answer_fits(POST => $tracks, $tracks, json => {});
my %typed = (headers => { 'Content-Type' => 'application/json' });
is answer_fits(POST => $tracks, $tracks, content => '{', %typed)->{status},
  400, 'no JSON';
is answer_fits(POST => $tracks, $tracks, content => 'x' x 70_000, %typed)
  ->{status}, 413, 'too large';
is answer_fits(POST => $tracks, $tracks, content => '{}')->{status}, 415,
  'no type';
answer_fits(GET => $one, "$tracks/$mail->{id}");
answer_fits(GET => $one, "$tracks/x");
answer_fits(GET => "$one/opens", "$tracks/$mail->{id}/opens?limit=2");
answer_fits(PATCH => $one, "$tracks/$mail->{id}", json => { notes => 'n' });
answer_fits(PATCH => $one, "$tracks/$mail->{id}", json => {});
my $key = $t->make_key('extension', 'track');
is answer_fits(PATCH => $one, "$tracks/$mail->{id}", json => { notes => 'n' },
    key => $key)->{status}, 403, 'not this key';
answer_fits(GET => '/api/opens/recent', '/api/opens/recent');
{
    my $open = '/api/opens/{id}';
    my $hits = $t->get("$tracks/$mail->{id}")->{json}{opens};
    my ($real) = grep { $_->{is_real_open} } @$hits;
    answer_fits(PATCH => $open, "/api/opens/$_->[0]", json => $_->[1])
      for [$real->{id}, { self => JSON::PP::true }], [999_999, { self =>
        JSON::PP::true }], [$real->{id}, {}];
    answer_fits(PATCH => $open, "/api/opens/$real->{id}", key => $key,
        json => { self => JSON::PP::false });
}
answer_fits(POST => "$one/self", "$tracks/$_->[0]/self", json => $_->[1])
  for [$mail->{id}, { seconds_ago => 4 }], [$mail->{id}, { seconds_ago => -1 }],
  ['x', {}];
answer_fits(GET => $tracks, "$tracks?ids=$mail->{id}");
answer_fits(GET => '/api/stats', '/api/stats');
my $changes = '/api/changes';
answer_fits(GET => $changes, "$changes?after=0");
my $etag = $t->get("$changes?after=0")->{headers}{etag};
is answer_fits(GET => $changes, "$changes?after=0",
    headers => { 'If-None-Match' => $etag })->{status}, 304, 'no change';
answer_fits(GET => '/api/analytics', "/api/analytics?$_")
  for 'days=all', 'days=400&tz=America/New_York', 'days=0';
answer_fits(GET => '/api/recipients', '/api/recipients');
my $person = '/api/recipients/{address}';
answer_fits(GET => $person, '/api/recipients/ann@example.org');
answer_fits(GET => $person, '/api/recipients/nobody@example.org');
answer_fits(PATCH => $person, '/api/recipients/ann@example.org',
    json => $_) for { muted => JSON::PP::true }, {};
answer_fits(PATCH => $person, '/api/recipients/nobody@example.org',
    json => { muted => JSON::PP::true });
answer_fits(DELETE => $person, '/api/recipients/ann@example.org', key => $key);
answer_fits(DELETE => $person, "/api/recipients/$_\@example.org")
  for 'bob', 'bob';
answer_fits(GET => "/api/export/$_.csv", "/api/export/$_.csv")
  for qw(opens tracks analytics recipients);

# -- delivery ----------------------------------------------------------------

{
    my %id = Mailtrack::Routes::fill($t);
    my $none = '00000000-0000-4000-8000-000000000000';
    my $live = '/api/deliveries';
    my $tag = answer_fits(GET => $live, $live)->{headers}{etag};
    ok $t->wait_for(sub {
        my $again = $t->get($live, headers => { 'If-None-Match' => $tag });
        $tag = $again->{headers}{etag} // $tag;
        $again->{status} == 304;
    }), 'no change of deliveries';
    my $monitors = '/api/monitors';
    my $monitor = "$monitors/{id}";
    answer_fits(GET => $monitors, $monitors);
    my %new = (recipient => 'n@example.net', send_account => 'office');
    my $made = answer_fits(POST => $monitors, $monitors, json => {%new});
    is $made->{status}, 201, 'a monitor';
    answer_fits(POST => $monitors, $monitors, json => {%new});
    answer_fits(POST => $monitors, $monitors, json => {});
    answer_fits(POST => $monitors, $monitors, json => {%new}, key => $key);
    my $path = "$monitors/$made->{json}{id}";
    answer_fits(GET => $monitor, $_) for $path, "$monitors/$none";
    answer_fits(PATCH => $monitor, $path, json => $_)
      for { enabled => JSON::PP::false }, {}, { name => 'Old relay' };
    answer_fits(POST => "$monitor/probe-now", "$path/probe-now", json => {});
    my $bad = "$monitors/$id{'To example.org'}";
    answer_fits(POST => "$monitor/probe-now", "$bad/probe-now", json => {});
    answer_fits(DELETE => $monitor, $_) for $path, $path,
      "$monitors/$id{'Office, internal'}";
    answer_fits(GET => "$monitor/probes", "$bad/probes?$_")
      for 'limit=2', 'outcome=missing', 'outcome=x';
    my $probes = $t->get("$bad/probes?limit=40")->{json};
    answer_fits(GET => "$monitor/probes/{probe}", "$bad/probes/$_")
      for (map { $_->{id} } @$probes[0, -1]), 0;
    my $spam = "$monitors/$id{'To example.fr'}";
    answer_fits(GET => "$monitor/probes/{probe}", "$spam/probes/"
          . $t->get("$spam/probes?limit=1")->{json}[0]{id});
    answer_fits(GET => "$monitor/latency", "$bad/latency?hours=$_")
      for 24, 200, 2000, 0;
    answer_fits(GET => '/api/export/probes.csv', '/api/export/probes.csv');
    my ($alerts, $alert) = ('/api/alerts', '/api/alerts/{id}');
    answer_fits(GET => $alerts, "$alerts?$_") for 'limit=1', 'state=past',
      'state=x';
    my $open = $t->get($alerts)->{json}[0]{id};
    answer_fits(GET => $alert, "$alerts/$_") for $open, $none;
    answer_fits(PATCH => $alert, "$alerts/$open", json => $_)
      for { acknowledged => JSON::PP::true }, {};
    my ($channels, $channel) = ('/api/channels', '/api/channels/{name}');
    answer_fits(GET => $channels, $channels);
    answer_fits(GET => $channel, "$channels/$_") for 'team', 'nobody';
    answer_fits(POST => "$channel/test", "$channels/$_/test", json => {})
      for 'team', 'nobody';
    answer_fits(GET => '/api/accounts', '/api/accounts', key => $_)
      for $t->key, $key;
    my $windows = '/api/windows';
    my $window = answer_fits(POST => $windows, $windows, json => {
        weekdays => [1], from => '22:00', to => '23:00' });
    answer_fits(POST => $windows, $windows, json => {});
    answer_fits(GET => $windows, $windows);
    answer_fits(DELETE => "$windows/{id}", "$windows/$window->{json}{id}")
      for 1, 2;
    answer_fits(GET => '/metrics', '/metrics');
    my $here = $t->create(recipient => 'kaya@example.org');
    ok answer_fits(GET => $tracks, "$tracks?recipient=kaya\@example.org")
      ->{json}[0]{route}{now}, 'the route of a mail';
    answer_fits(GET => $one, "$tracks/$here->{id}");
}

# -- signing in, and what only who signed in may ----------------------------

{
    my $session = '/api/session';
    my @own = (key => undef);
    my %origin = (Origin => $t->url('') =~ s{/\z}{}r);
    my $sign = sub { return answer_fits(POST => $session, $session,
            headers => {%origin}, json => { username => 'ann', @_ }) };
    $t->ctl({ stdin => "correct horse\n" }, 'user', 'add', 'ann',
        '--role', 'admin');
    answer_fits(GET => $session, $session, @own);
    answer_fits(GET => $session, $session);
    is $sign->(password => 'wrong horse')->{status}, 401, 'wrong password';
    is $sign->()->{status}, 422, 'no password';
    is answer_fits(POST => $session, $session, json => {})->{status}, 403,
      'without an Origin';
    my $in = $sign->(password => 'correct horse');
    is $in->{status}, 201, 'signed in' or diag $in->{content};
    my ($cookie) = ($in->{headers}{'set-cookie'} // '') =~ /^([^;]+)/;
    @own = (key => undef, headers => { %origin, Cookie => $cookie });
    my $me = answer_fits(GET => $session, $session, @own);
    is $me->{json}{user}{name}, 'ann', 'who am I';
    my $notify = '/api/notifications';
    answer_fits(GET => $notify, $notify, @own);
    answer_fits(PUT => $notify, $notify, @own, json => $_)
      for {}, { quiet => {} };
    answer_fits(GET => '/api/sessions', '/api/sessions', @own);
    answer_fits(GET => '/api/sessions', '/api/sessions');
    my ($totp, $word) = ('/api/totp', '/api/password');
    my $begun = answer_fits(POST => $totp, $totp, @own, json => {});
    answer_fits(PUT => $totp, $totp, @own, json => { code => '12345' });
    my $codes = answer_fits(PUT => $totp, $totp, @own,
        json => { code => $t->totp($begun->{json}{secret}, time) });
    is $codes->{status}, 200, 'switched on' or diag $codes->{content};
    is answer_fits(POST => $totp, $totp, @own, json => {})->{status}, 409,
      'twice';
    is $sign->(password => 'correct horse')->{status}, 401, 'a code is asked';
    is $sign->(password => 'correct horse',
        code => $codes->{json}{recovery_codes}[0])->{status}, 201, 'given';
    answer_fits(GET => $session, $session, @own);
    answer_fits(DELETE => $totp, $totp, @own, json => { password => 'x' });
    is answer_fits(DELETE => $totp, $totp, @own,
        json => { password => 'correct horse' })->{status}, 204, 'off';
    answer_fits(DELETE => $totp, $totp, @own,
        json => { password => 'correct horse' });
    my %words = (old_password => 'correct horse');
    answer_fits(PUT => $word, $word, @own,
        json => { %words, new_password => 'short' });
    is answer_fits(PUT => $word, $word, @own,
        json => { %words, new_password => 'battery staple' })->{status}, 204,
      'another password';
    my $keys = '/api/keys';
    my $made = answer_fits(POST => $keys, $keys, @own,
        json => { name => 'new' });
    answer_fits(POST => $keys, $keys, @own, json => { scope => 'x' });
    answer_fits(GET => $keys, $keys, @own);
    answer_fits(GET => $keys, $keys);
    answer_fits(GET => $keys, $keys, key => $made->{json}{key});
    answer_fits(DELETE => "$keys/{prefix}", "$keys/$made->{json}{prefix}",
        @own) for 1, 2;
    my $users = '/api/users';
    my %bob = (username => 'bob', password => 'battery staple');
    answer_fits(POST => $users, $users, @own, json => {%bob}) for 1, 2;
    answer_fits(POST => $users, $users, @own, json => { %bob, role => 'x' });
    answer_fits(GET => $users, $users, @own);
    answer_fits(DELETE => "$users/{name}", "$users/$_", @own)
      for 'bob', 'bob', 'ann';
    my $end = '/api/sessions/{id}';
    answer_fits(DELETE => $end, '/api/sessions/12345', @own);
    answer_fits(DELETE => $end, "/api/sessions/$me->{json}{session}{id}",
        @own);
    is answer_fits(GET => $session, $session, @own)->{json}{user}, undef,
      'ended';
    answer_fits(DELETE => $session, $session, @own);
}

answer_fits(DELETE => $one, "$tracks/$mail->{id}", key => $key);
answer_fits(DELETE => $one, "$tracks/$mail->{id}");
answer_fits(DELETE => $one, "$tracks/$mail->{id}");
is_deeply [grep { !$answered{$_} } sort keys %described], [],
  'every operation has answered';

# every parameter that is described is taken, every other one refused
for my $route (grep { /\AGET / } sort keys %described) {
    my ($path) = $route =~ / (.*)/;
    my $call = $path =~ s/\{id\}/$mail->{id}/r =~ s/\{address\}/a\@b.org/r
      =~ s/\{probe\}/1/r =~ s/\{name\}/x/r;
    for my $one (@{ $api->{paths}{$path}{get}{parameters} // [] }) {
        next if $one->{in} ne 'query';
        my $answer = $t->get("$call?$one->{name}=%01");
        my $json = ref $answer->{json} eq 'HASH' ? $answer->{json} : {};
        my $said = join ' ', map { "$_->{field}: $_->{detail}" }
          @{ $json->{errors} // [] };
        unlike $said, qr/no such parameter/, "$path takes $one->{name}";
    }
    # for keys there is nothing behind SCOPE_SELF
    next if $described{$route} eq 'self';
    my $answer = $t->get("$call?nonsense=1");
    is_deeply [map { $_->{field} } @{ $answer->{json}{errors} }],
      ['nonsense'], "$path takes no nonsense";
}

done_testing;
