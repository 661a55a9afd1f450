#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# From the request to the verdict in the store: every vector over HTTP, bursts
# in whatever batches and children they come, the sender's own view, places,
# addresses that are cut before they reach a disk, and what is told of it.

use Mailtrack::Test;
use Mailtrack::Proc qw(run_command);
use File::Find ();
use File::Temp ();
use Time::HiRes qw(sleep time);

my $proxied = <<'END';
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
END

sub opens {
    my ($t, $id) = @_;
    return $t->sql('SELECT o.* FROM opens o JOIN tracked_emails t ON'
        . " t.id = o.track_id WHERE public_id = '$id' ORDER BY o.opened_at");
}

sub track {
    my ($t, $id) = @_;
    return ($t->sql("SELECT * FROM tracked_emails WHERE public_id = '$id'"))[0];
}

sub from {
    my ($t, $id, $address, %header) = @_;
    return $t->hit($id, 'X-Forwarded-For' => $address, %header);
}

# -- the vectors ----------------------------------------------------------------

sub vectors {
    open my $file, '<:encoding(UTF-8)', "@{[ Mailtrack::Test::source_dir() ]}/t/data/vectors.csv"
      or die "vectors: $!";
    my (undef, @lines) = <$file>;
    return map {
        my @fields;
        chomp;
        while (/\G(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g) {
            my $field = defined $1 ? $1 =~ s/""/"/gr : $2;
            push @fields, $field;
            last if pos($_) >= length;
        }
        \@fields
    } @lines;
}

my $t = Mailtrack::Test->new(config => $proxied);
my @vectors = vectors();
cmp_ok scalar @vectors, '>', 80, 'there are vectors';
# a verdict by its name, as the API says it: the store's numbers are its own
my %kind = (proxy => 'proxied');
my @ids = map {
    my $sent = $_->[3] =~ /\d/ ? $_->[3] : 3600;
    ($t->mails(1, created_at => int((time() - $sent - 0.5) * 1e6)))[0]
} @vectors;
for my $i (0 .. $#vectors) {
    my ($address, $agent, $referer) = @{ $vectors[$i] };
    my $sent = $vectors[$i][3] =~ /\d/ ? $vectors[$i][3] : 3600;
    my $at = int((time() - $sent - 0.5) * 1e6);
    $t->sql("UPDATE tracked_emails SET created_at = $at"
        . " WHERE public_id = '$ids[$i]'");
    # raw: HTTP::Tiny always names itself
    $t->raw("GET /p/$ids[$i].gif HTTP/1.1\r\nHost: localhost\r\n"
        . "X-Forwarded-For: $address\r\nConnection: close\r\n"
        . (length $agent ? "User-Agent: $agent\r\n" : '')
        . (length $referer ? "Referer: $referer\r\n" : '') . "\r\n");
}
ok $t->drained, 'all are stored';
my @wrong;
for my $i (0 .. $#vectors) {
    my $open = $t->get("/api/tracks/$ids[$i]")->{json}{opens}[0] // {};
    my ($kind, $vendor) = @{ $vectors[$i] }[4, 5];
    $kind = $kind{$kind} // $kind;
    my ($row) = opens($t, $ids[$i]);
    push @wrong, "line " . ($i + 2) . ": $open->{verdict}/$row->{vendor}"
      . ", not $kind/$vendor"
      if ($open->{verdict} // '') ne $kind
      || ($row->{vendor} // '') ne ($kind eq 'human' ? $row->{vendor} : $vendor);
}
is_deeply \@wrong, [], scalar(@vectors) . ' vectors are judged over HTTP';

# -- bursts ----------------------------------------------------------------------

my $human = $Mailtrack::Test::reader;
my ($burst, $slow, $same) = $t->mails(3);
from($t, $burst, "192.0.2.$_") for 1, 2;
ok $t->drained, 'two networks';
is track($t, $burst)->{real_open_count}, 2, 'are two opens';
from($t, $burst, '192.0.2.3');
ok $t->drained, 'a third within 30 s';
is_deeply [ map { $_->{counts} } opens($t, $burst) ], [ 0, 0, 0 ],
  'makes it a burst: none counts';
is +(opens($t, $burst))[0]{rule}, (opens($t, $burst))[2]{rule},
  'those before are judged by the same rule';
my $row = track($t, $burst);
is_deeply [ @$row{qw(open_count real_open_count first_open_at last_open_at seen)} ],
  [ 3, 0, undef, undef, 0 ], 'and the counters are put right';
is $t->get("/api/tracks/$burst")->{json}{opens}[0]{verdict}, 'scanner',
  'the API says scanner';
from($t, $same, '192.0.2.9') for 1 .. 5;
ok $t->drained, 'one network five times';
is track($t, $same)->{real_open_count}, 5, 'is a person';

# the memory of the drain goes with its child
from($t, $slow, "198.51.100.$_") for 2, 3;
ok $t->drained, 'two more';
$t->graceful;
from($t, $slow, '198.51.100.4');
ok $t->drained, 'a third, drained by another child';
is_deeply [ map { $_->{counts} } opens($t, $slow) ], [ 0, 0, 0 ],
  'is the same burst';
from($t, $slow, '198.51.100.5');
ok $t->drained, 'and a fourth';
is +(opens($t, $slow))[3]{counts}, 0, 'goes on with it';

# -- soon after it was made -------------------------------------------------------

my $early = Mailtrack::Test->new(config => 'MailtrackMinDelay 2s');
my $made = $early->create(recipient => 'ann@example.org');
$early->hit($made->{id});
ok $early->drained, 'a hit at once';
is $early->get("/api/tracks/$made->{id}")->{json}{opens}[0]{verdict}, 'self',
  'is the sender';
is track($early, $made->{id})->{real_open_count}, 0, 'and does not count';
sleep 2.1;
$early->hit($made->{id});
ok $early->drained, 'one later';
is track($early, $made->{id})->{real_open_count}, 1, 'does';
$early->finish;

# -- places, and addresses cut ------------------------------------------------------

sub mmdb {
    my ($exit, $out, $err) = run_command('', {}, 'perl',
        "@{[ Mailtrack::Test::source_dir() ]}/t/lib/mmdb", @_);
    die "mmdb: $err" if $exit;
}

my $whole = Mailtrack::Test->new(start => 0,
    config => "$proxied MailtrackGeoIP \@DIR\@/places.mmdb\n");
my $places = "$whole->{dir}/places.mmdb";
my ($mail, @more) = $whole->mails(4);
$whole->start;
from($whole, $mail, '192.0.2.77');
ok $whole->drained, 'no database';
is +(opens($whole, $mail))[0]{country}, undef, 'no place';
mmdb($places, '192.0.2.0/24', 'Germany', "K\xc3\xb6ln", '2001:db8::/32',
    'France', '');
sleep 1.1;
from($whole, $more[0], '192.0.2.77');
from($whole, $more[0], '2001:db8::7');
ok $whole->drained, 'a database comes while running';
my ($first, $second) = opens($whole, $more[0]);
is "$first->{country}/$first->{city}", "Germany/K\xf6ln", 'country and city';
is $second->{country}, 'France', 'over IPv6';
is $second->{city}, undef, 'a city that is not known is none';
mmdb($places, '192.0.2.0/24', 'Spain', 'Madrid');
from($whole, $more[1], '192.0.2.77');
ok $whole->drained, 'another one comes';
is +(opens($whole, $more[1]))[0]{city}, 'Madrid', 'and is used';
$whole->finish;

my $cut = Mailtrack::Test->new(start => 0, config => $proxied . <<'END');
MailtrackGeoIP @DIR@/places.mmdb
MailtrackAnonymizeIP On
LogLevel debug
END
mmdb("$cut->{dir}/places.mmdb", '192.0.2.64/26', 'Germany', 'Berlin',
    '2001:db8:1:2::/64', 'France', 'Paris');
my ($v4, $v6, $google, $three) = $cut->mails(4);
$cut->start;
my %secret = (v4 => '192.0.2.77', v6 => '2001:db8:1:2:3:4:5:6',
    google => '66.249.93.73', mapped => '::ffff:198.51.100.177');
from($cut, $v4, $secret{v4});
from($cut, $v6, $secret{v6});
from($cut, $v6, $secret{mapped});
from($cut, $google, $secret{google}, 'User-Agent' => 'Mozilla/5.0 (Windows NT'
    . ' 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)');
from($cut, $three, "203.0.113.$_") for 201 .. 203;
ok $cut->drained, 'addresses are cut';
my ($a) = opens($cut, $v4);
is $a->{ip_address}, '192.0.2.0', 'IPv4 to /24';
is "$a->{country}/$a->{city}", 'Germany/Berlin', 'its place was looked up before';
my ($b, $c) = opens($cut, $v6);
is $b->{ip_address}, '2001:db8:1::', 'IPv6 to /48';
is $b->{city}, 'Paris', 'with its place';
is $c->{ip_address}, '198.51.100.0', 'IPv4 in IPv6 as IPv4';
my ($g) = opens($cut, $google);
is $g->{vendor}, 'google', 'the networks were looked up before, too';
is track($cut, $three)->{real_open_count}, 3,
  'neighbours cut to one network are one address: no burst';
$cut->graceful;
my @found;
File::Find::find({ no_chdir => 1, wanted => sub {
    return if !-f || /places\.mmdb$/;
    open my $file, '<:raw', $_ or return;
    local $/;
    my $text = <$file> // '';
    for my $address (values %secret, map { "203.0.113.$_" } 201 .. 203) {
        push @found, "$address in $_" if index($text, $address) >= 0;
    }
} }, $cut->{dir});
is_deeply \@found, [], 'no file has a whole address: spool, store, -wal, logs';
$cut->finish;

# -- what is told -----------------------------------------------------------------

sub told {
    my ($t, $id) = @_;
    return join ' ', map { $_->{event} } $t->sql('SELECT event FROM outbox o'
        . " JOIN tracked_emails t ON t.id = o.track_id WHERE public_id = '$id'"
        . ' ORDER BY o.id');
}

sub one_hit {
    my ($t, $id, @from) = @_;
    from($t, $id, @from);
    $t->drained or die 'not drained';
}

my ($news, $bot, $apple, $old, $farm) = $t->mails(5,
    created_at => int((time() - 40 * 86400) * 1e6));
one_hit($t, $news, '192.0.2.1');
is told($t, $news), 'first_open', 'the first open is told';
one_hit($t, $news, '192.0.2.1');
is told($t, $news), 'first_open', 'the second is not';
one_hit($t, $news, '192.0.2.1');
is told($t, $news), 'first_open hot', 'three within 24 h are hot';
one_hit($t, $news, '192.0.2.1') for 1 .. 4;
is told($t, $news), 'first_open hot', 'once';
my ($box) = $t->sql('SELECT * FROM outbox ORDER BY id LIMIT 1');
cmp_ok $box->{expires_at} - $box->{created_at}, '==', 86400e6,
  'such news is none after a day';
one_hit($t, $bot, '66.249.66.1', 'User-Agent' =>
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)')
  for 1 .. 3;
one_hit($t, $apple, '172.226.110.22', 'User-Agent' => 'Mozilla/5.0') for 1 .. 3;
is told($t, $_), '', 'bots and prefetchers are never told of' for $bot, $apple;
from($t, $farm, "203.0.113.$_") for 1 .. 4;
ok $t->drained, 'a farm';
is told($t, $farm) =~ s/first_open//r, '', 'is at most a first open';
one_hit($t, $old, '192.0.2.5');
my $weeks = int((time() - 20 * 86400) * 1e6);
$t->sql("UPDATE opens SET opened_at = $weeks WHERE track_id = (SELECT id FROM"
    . " tracked_emails WHERE public_id = '$old'); UPDATE tracked_emails SET"
    . " first_open_at = $weeks, last_open_at = $weeks, last_hit_at = $weeks"
    . " WHERE public_id = '$old'");
one_hit($t, $old, '192.0.2.5');
is told($t, $old), 'first_open revived', 'an open after weeks is told';
one_hit($t, $old, '192.0.2.5');
is told($t, $old), 'first_open revived', 'once';

# -- lists that are kept fresh ----------------------------------------------------

sub put {
    my ($path, $text) = @_;
    open my $file, '>', "$path.new" or die "$path: $!";
    print {$file} $text;
    close $file or die "$path: $!";
    rename "$path.new", $path or die "$path: $!";
    return;
}

my $rules = File::Temp::tempdir(CLEANUP => 1);
chmod 0755, $rules;
put("$rules/relays.txt", "192.0.2.0/24\n");
put("$rules/rules.yaml", <<'END');
schema: 1
default: {kind: human, counts: open}
networks:
  relays:
    files: [relays.txt]
rules:
- {name: relay, kind: prefetch, counts: possible, match: {net: [relays]}}
END
my $r = Mailtrack::Test->new(
    config => "$proxied\nMailtrackRules $rules/rules.yaml\n");
my $old_version = $r->get('/health')->{json}{rules}{version};

# The rule that judges a new mail's hit from an address.
sub judged {
    my ($address) = @_;
    my ($id) = $r->mails(1, created_at => int((time() - 3600) * 1e6));
    from($r, $id, $address);
    $r->drained or die 'not drained';
    return (opens($r, $id))[0]{rule};
}

is judged('192.0.2.1'), 'relay', 'a network of the list';
is judged('198.51.100.1'), 'default', 'and one that is not in it';
put("$rules/relays.txt", "198.51.100.0/24\n");
ok $r->wait_for(sub { judged('198.51.100.1') eq 'relay' }, 20),
  'a new list is in use without a reload';
is judged('192.0.2.1'), 'default', 'and the old one is not';
ok $r->wait_for(sub { $r->get('/health')->{json}{rules}{version}
      ne $old_version }, 20), 'the version says so';
put("$rules/relays.txt", "half a li");
$r->expect(qr/changed lists are left out: .*relays\.txt:1: bad CIDR/);
ok $r->wait_for(sub { $r->error_log =~ /changed lists are left out/ }, 20),
  'a list that is not one is refused with the line';
is judged('198.51.100.1'), 'relay', 'and the rules stay';

done_testing;
