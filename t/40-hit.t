#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# The pixel as the world sees it: the same answer whatever is asked for, what is
# recorded of it and what is not, under each MPM, over HTTP/2, behind a proxy,
# below a path, beside other virtual hosts.

use Mailtrack::Test;
use Mailtrack::Load;
use Mailtrack::Proc qw(run_command);
use IO::Socket::INET;

my $gif = pack 'H*', '47494638396101000100800000000000ffffff21f9040100000000'
  . '2c00000000010001000002024401003b';

sub rows {
    my ($t, $where) = @_;
    return $t->sql('SELECT o.*, t.public_id FROM opens o JOIN tracked_emails t'
        . ' ON t.id = o.track_id' . ($where ? " WHERE $where" : '')
        . ' ORDER BY o.id');
}

# All but Date, as text, to be compared.
sub face {
    my ($answer) = @_;
    my %header = %{ $answer->{headers} };
    delete $header{date};
    return join "\n", $answer->{status}, unpack('H*', $answer->{content}),
      map { "$_: $header{$_}" } sort keys %header;
}

sub raw_get {
    my ($t, $path, $headers) = @_;
    return $t->raw("GET $path HTTP/1.1\r\nHost: localhost\r\n"
        . ($headers // '') . "Connection: close\r\n\r\n");
}

# -- the answer ---------------------------------------------------------------

my $t = Mailtrack::Test->new(modules => ['http2'], config => <<'END',
Protocols h2c http/1.1
RemoteIPHeader X-Forwarded-For
RemoteIPInternalProxy 127.0.0.1
LimitRequestFieldSize 131072
CustomLog @DIR@/log/access "%>s %r" env=!mailtrack_pixel
SetEnvIf Request_URI "^/p/" mailtrack_pixel
END
    server_config => <<'END');
LimitRequestFieldSize 131072
END
my ($id, $other) = $t->mails(2);
my $unknown = '99999999-9999-4999-8999-999999999999';

my $known = $t->pixel($id);
is $known->{status}, 200, 'a known id';
is $known->{content}, $gif, 'is answered with the picture';
is $known->{headers}{'content-length'}, 43, 'of a stated length';
is $known->{headers}{'content-type'}, 'image/gif', 'and type';
like $known->{headers}{'cache-control'}, qr/\b$_\b/, "that says $_"
  for qw(no-store no-cache private);
is $known->{headers}{pragma}, 'no-cache', 'also in words of 1996';
ok !exists $known->{headers}{$_}, "without $_"
  for qw(etag last-modified set-cookie location);

my $face = face($known);
for my $name ($unknown, uc $id, 'x', '..', '0', "$id.gif", substr($id, 1),
    "$id%00", '%' . sprintf('%02x', ord $id) . substr($id, 1), 'a' x 4000) {
    is face($t->pixel($name)), $face,
      'the same for ' . (length $name > 60 ? 'a long name' : $name);
}
is face($t->request(GET => $_, key => undef)), $face, "the same for $_"
  for "/p/$id.gif?utm=1&x=%00", "/p/", "/p/$id", "/p/$id.png", "/p/a/b/c.gif",
  "/p/$id.gif/more";
is face($t->pixel($id, Referer => $_)), $face, 'whatever the referer says'
  for 'https://evil.example/?next=https://x', '//evil.example';
like raw_get($t, "/p/$id.gif", "Referer: \xff\xfe\r\n"),
  qr/^HTTP\/1.1 200 .*\Q$gif\E$/s, 'a referer that is no text';

ok $t->drained, 'the store has them';
is_deeply [ map { "$_->{public_id} $_->{method}" } rows($t) ],
  [ ("$id GET") x 6 ],
  'recorded are known ids, in whatever case, with a query';
is scalar(grep { $_->{referer} =~ /^(?:\x{fffd}+|\?+)$/ } rows($t)), 1,
  'which is made one';

$t->expect(qr/AH10244: invalid URI path/);

# -- methods ------------------------------------------------------------------

my $head = $t->request(HEAD => "/p/$other.gif", key => undef,
    headers => { 'User-Agent' => 'checker' });
is $head->{status}, 200, 'HEAD is answered';
is $head->{content} // '', '', 'without a body';
is $head->{headers}{'content-length'}, 43, 'as GET would be';
for my $method (qw(POST PUT DELETE PATCH OPTIONS TRACE PROPFIND FOO)) {
    my $answer = $t->request($method => "/p/$other.gif", key => undef,
        content => 'x' x 10_000);
    is $answer->{status}, 405, "$method is not allowed";
    is $answer->{headers}{allow}, 'GET, HEAD', 'and told what is';
}
ok $t->drained, 'the store has them';
is_deeply [ map { $_->{method} } rows($t, "public_id = '$other'") ], ['HEAD'],
  'only HEAD is recorded, as such';

# -- ways of writing a path ---------------------------------------------------

my ($path_id) = $t->mails(1);
like raw_get($t, $_), qr/^HTTP\/1.1 200 .*\Q$gif\E$/s, "$_ is a pixel"
  for "//p/$path_id.gif", "http://localhost/p/$path_id.gif";
like raw_get($t, $_), qr/^HTTP\/1.1 4\d\d /, "$_ is none"
  for "/P/$path_id.gif", "/pp/$path_id.gif", "/p", "/api/p/$path_id.gif",
  "/../p/$path_id.gif", "/x/../p/$path_id.gif";
raw_get($t, $_) for "/p/../p/$path_id.gif", "/p/%2e%2e/p/$path_id.gif",
  "/p/../../../etc/passwd", "/p/$path_id%2egif", "/p/\xff\xfe\x80.gif";
is $t->raw("GET /p/$path_id.gif\r\n"), $gif, 'HTTP/0.9 gets the bare picture';
ok $t->drained, 'the store has them';
is scalar(rows($t, "public_id = '$path_id'")), 3,
  'and those that name the id as it is are recorded';

# -- headers of every byte value ----------------------------------------------

my ($bytes_id) = $t->mails(1);
my ($taken, $refused) = (0, 0);
for my $byte (0 .. 255) {
    my $value = 'a' . chr($byte) . 'b' . chr($byte) . 'c';
    my $answer = raw_get($t, "/p/$bytes_id.gif", "User-Agent: $value\r\n"
        . "Referer: $value\r\nAccept: $value\r\nAccept-Language: $value\r\n"
        . "Accept-Encoding: $value\r\nX-Mailer: $value\r\n");
    $answer =~ m{^HTTP/1.1 200 } ? $taken++ : $refused++;
}
cmp_ok $taken, '>', 200, "$taken byte values are taken";
diag "httpd itself refuses $refused byte values in headers";
ok $t->drained, 'the store has them';
is scalar(rows($t, "public_id = '$bytes_id'")), $taken, 'each is a row';

my ($long_id) = $t->mails(1);
like raw_get($t, "/p/$long_id.gif", 'User-Agent: Mozilla/5.0 ' . 'x' x 70_000
    . "\r\nReferer: https://example.org/" . "\xc3\xa9" x 35_000 . "\r\n"),
  qr/^HTTP\/1.1 200 /, 'a user agent and a referer of 70 KB';
ok $t->drained, 'the store has it';
my ($long) = rows($t, "public_id = '$long_id'");
is length $long->{user_agent}, 1024, 'cut to what the store keeps';
cmp_ok length $long->{referer}, '<=', 1024, 'and the referer';
unlike $long->{referer}, qr/\x{fffd}.|[\x80-\xff]{2}x/, 'at a character';

# -- raw garbage --------------------------------------------------------------

srand 1;
my @children = $t->children;
for my $round (1 .. 150) {
    my $noise = join '', map { chr int rand 256 } 1 .. 1 + rand 2000;
    $t->raw($_, 0.02) for $noise, "GET /p/$id.gif HTTP/1.1\r\n$noise",
      "GET /p/$noise HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /p/$id.gif HTTP/1.1\r\nHost: localhost\r\nUser-Agent: $noise";
}
is $t->hit($id), 200, 'noise on the socket hurts nobody';
is_deeply [ $t->children ], \@children, 'nobody died of it';

# -- HTTP/2, proxies, access log ----------------------------------------------

my ($h2_id) = $t->mails(1);
my $out = join '', map {
    (run_command('', {}, 'curl', '-sS', '--noproxy', '*',
        '--http2-prior-knowledge', '-o', '/dev/null', '-A', 'h2', '-w',
        '%{http_version} %{http_code} %{size_download}\n', '-H',
        'X-Forwarded-For: 198.51.100.9, 192.0.2.33',
        $t->url("/p/$h2_id.gif")))[1]
} 1 .. 3;
is $out, "2 200 43\n" x 3, 'over HTTP/2';
ok $t->drained, 'the store has it';
my @h2 = rows($t, "public_id = '$h2_id'");
is scalar @h2, 3, 'each once';
is $h2[0]{ip_address}, '192.0.2.33', 'with the client as mod_remoteip has it';
open my $access, '<', "$t->{dir}/log/access" or die;
my @logged = <$access>;
cmp_ok scalar @logged, '>', 0, 'the access log has other requests';
is_deeply [ grep { m{^(?:200|405) \w+ /p/} } @logged ], [], 'but no pixel';

# -- MPMs ---------------------------------------------------------------------

for my $mpm (qw(worker prefork event)) {
    my $m = Mailtrack::Test->new(mpm => $mpm, children => 3);
    my @ids = $m->mails(50);
    my $load = Mailtrack::Load->start($m, ids => \@ids, clients => 4,
        count => 250);
    $load->wait;
    is $load->answered, 1000, "$mpm: every hit is answered";
    ok $m->drained, "$mpm: and stored";
    is_deeply [ $load->faults($m) ], [], "$mpm: once";
}

# -- a base URL with a path, neighbours ---------------------------------------

my $p = Mailtrack::Test->new(base_path => '/mail', config => <<'END',
Alias /p @DIR@/htdocs
Alias /api @DIR@/htdocs
<Directory @DIR@/htdocs>
Require all granted
</Directory>
END
    modules => ['alias'], start => 0);
mkdir "$p->{dir}/htdocs";
my ($deep) = $p->mails(1);
open my $file, '>', "$p->{dir}/htdocs/$deep.gif" or die;
print {$file} 'a file of the neighbour';
close $file;
$p->start;
is $p->hit($deep), 200, 'below a path';
is $p->{http}->get($p->url("/p/$deep.gif"))->{content},
  'a file of the neighbour', 'the rest of the host is left to others';
is $p->{http}->get($p->url('/mailp/x.gif'))->{status}, 404, 'also next door';
ok $p->drained, 'the store has it';
is scalar(rows($p)), 1, 'one hit';

my $two = Mailtrack::Test->new(start => 0);
my $second = $two->make_store('second');
my $spool  = $two->make_spool('spool2');

$two->{server_config} = "<VirtualHost 127.0.0.1:$two->{port}>\n"
  . "ServerName second\n" . $two->engine_lines(base_url => 'http://second',
    spool => $spool, store => $second) . "MailtrackPixelPath open/px\n"
  . "</VirtualHost>\n<VirtualHost 127.0.0.1:$two->{port}>\nServerName plain\n"
  . "</VirtualHost>\n";
my ($one_id) = $two->mails(1);
my ($two_id) = $two->mails(1, store => $second);
$two->start;
sub at_host {
    my ($host, $path) = @_;
    return $two->raw("GET $path HTTP/1.1\r\nHost: $host\r\n"
        . "Connection: close\r\n\r\n");
}
like at_host('localhost', "/p/$one_id.gif"), qr/\Q$gif\E$/, 'one host';
like at_host('second', "/open/px/$two_id.gif"), qr/\Q$gif\E$/, 'another';
like at_host('second', "/p/$two_id.gif"), qr/^HTTP\/1.1 404/,
  'whose pixels are elsewhere';
like at_host('plain', "/p/$one_id.gif"), qr/^HTTP\/1.1 404/,
  'a third without Mailtrack';
at_host('second', "/open/px/$one_id.gif");
ok $two->drained, 'the first has its hits';
ok $two->drained(10, spool => $spool, store => $second), 'the second too';
is scalar(rows($two)), 1, 'one here';
is +($two->sql('SELECT count(*) AS n FROM opens', $second))[0]{n}, 1,
  'one there: an id of another store is unknown';

done_testing;
