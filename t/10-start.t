#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# From start to stop on each MPM: a mail is registered, its pixel is fetched,
# the open is told by the API; all of it again after a graceful restart; nothing
# is left after the end.

use Mailtrack::Test;
use Time::HiRes qw(sleep time);

sub opens_of {
    my ($t, $id) = @_;
    return $t->get("/api/tracks/$id")->{json}{open_count} // -1;
}

for my $mpm (qw(event worker prefork)) {
    my $t = Mailtrack::Test->new(mpm => $mpm);
    my $track = $t->create(recipient => 'ann@example.org');
    like $track->{id}, qr/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
      "$mpm: a mail has a UUID";
    is $track->{pixel_url}, $t->url("/p/$track->{id}.gif"),
      "$mpm: its pixel is below the base URL";

    sleep 2.1;    # at once is faster than any reader: a machine's
    my $pixel = $t->pixel($track->{id});
    my $hit_at = time();
    is $pixel->{status}, 200, "$mpm: the pixel answers";
    is $pixel->{headers}{'content-type'}, 'image/gif', "$mpm: with a picture";
    is length $pixel->{content}, 43, "$mpm: of 43 bytes";
    like $pixel->{content}, qr/^GIF89a/, "$mpm: that is a GIF";
    like $pixel->{headers}{'cache-control'}, qr/\bno-store\b/,
      "$mpm: that nobody may keep";

    ok $t->wait_for(sub { opens_of($t, $track->{id}) == 1 }, 5),
      "$mpm: the open is told";
    diag sprintf "%s: %.2f s from hit to API", $mpm, time() - $hit_at;
    my $open = $t->get("/api/tracks/$track->{id}")->{json}{opens}[0];
    is $open->{verdict}, 'human', "$mpm: as a person's";
    is $open->{ip_address}, '127.0.0.1', "$mpm: from here";
    is $open->{user_agent}, $Mailtrack::Test::reader, "$mpm: by this program";

    is $t->get('/health', key => undef)->{status}, 200, "$mpm: all is well";

    my ($status, $said) = $t->ctl('check');
    is $status, 0, "$mpm: mailtrackctl check finds nothing wrong"
      or diag $said;

    $t->graceful;
    is $t->hit($track->{id}), 200, "$mpm: the pixel answers after a reload";
    ok $t->wait_for(sub { opens_of($t, $track->{id}) == 2 }, 5),
      "$mpm: and the open is told";
    ok $t->stop, "$mpm: it stops by itself";
    my ($row) = $t->sql('SELECT count(*) AS n FROM opens');
    is $row->{n}, 2, "$mpm: two hits are two rows";
}

done_testing;
