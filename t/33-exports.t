#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# Clients that read an export slowly, or not at all, keep neither the API nor
# the drain from a connection to the store.

use Mailtrack::Test;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(time);

my $t = Mailtrack::Test->new(children => 1, threads => 20);
my ($id) = $t->mails(4000);
$t->sql('UPDATE tracked_emails SET notes = hex(zeroblob(2000))');

# 16 MB each: more than sockets hold
my @slow = map {
    my $socket = IO::Socket::INET->new(Proto => 'tcp') or die "socket: $!";
    setsockopt $socket, SOL_SOCKET, SO_RCVBUF, 4096 or die "SO_RCVBUF: $!";
    connect $socket, Socket::pack_sockaddr_in($t->port,
        Socket::inet_aton('127.0.0.1')) or die "connect: $!";
    syswrite $socket, "GET /api/export/tracks.csv HTTP/1.1\r\n"
      . "Host: localhost\r\nX-API-Key: " . $t->key . "\r\n\r\n";
    $socket;
} 1 .. 12;

my %status;
for my $socket (@slow) {
    my $ready = '';
    vec($ready, fileno $socket, 1) = 1;
    my $line = select($ready, undef, undef, 10) ? <$socket> : 'nothing';
    $status{ ($line =~ m{^HTTP/1\.1 (\d+)})[0] // $line }++;
}
is_deeply \%status, { 200 => 4, 503 => 8 }, 'four are served at a time';

my $began = time;
is $t->get('/api/stats')->{status}, 200, 'the API answers beside them';
is $t->get('/health')->{status}, 200, 'and so does /health';
is $t->hit($id), 200, 'a hit comes in';
ok $t->wait_for(sub { $t->get("/api/tracks/$id")->{json}{open_count} }, 5),
  'and is stored';
cmp_ok time - $began, '<', 6, 'all of it at once';

my $answer = $t->get('/api/export/opens.csv');
is $answer->{status}, 503, 'a further export is refused';
ok $answer->{headers}{'retry-after'}, 'and told when to come back';
is $answer->{headers}{'content-type'}, 'application/problem+json',
  'as a problem';

close $_ for @slow;
ok $t->wait_for(sub { $t->get('/api/export/opens.csv')->{status} == 200 }, 10),
  'until the others are gone';
is $t->get('/api/export/recipients.csv')->{status}, 200, 'each kind'
  for 1 .. 6;
is $t->request(HEAD => '/api/export/tracks.csv')->{status}, 200, 'and HEAD'
  for 1 .. 6;

done_testing;
