# SPDX-License-Identifier: MIT
package Mailtrack::Demo;

# A store as it looks after a season of use, for the dashboard's tests and
# pictures: mails are made over the API and then moved into the past with their
# sums; hits go the way all hits go, as a finished spool segment with times,
# places and networks of its own.
#
#   my $count = Mailtrack::Demo::fill($t, days => 80, mails => 160);

use strict;
use warnings;
use utf8;
use JSON::PP ();
use POSIX ();

my %agent = (
    thunderbird => 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101'
      . ' Thunderbird/128.5.0',
    outlook => 'Mozilla/4.0 (compatible; ms-office; MSOffice rmj)'
      . ' Microsoft Outlook 16.0 (Windows NT 10.0)',
    iphone => 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)'
      . ' AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148',
    firefox => 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0)'
      . ' Gecko/20100101 Firefox/140.0',
    gmail => 'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0'
      . ' (via ggpht.com GoogleImageProxy)',
    apple    => 'Mozilla/5.0',
    barracuda => 'BarracudaCentral/1.0 (+https://www.barracudacentral.org)',
    curl     => 'curl/8.5.0',
);

# How a person reads: agent, address, networks, country, city.
my %way = (
    linux   => ['thunderbird', '198.51.100.7', '', 'Germany', 'Berlin'],
    office  => ['outlook', '203.0.113.24', '', 'France', 'Lyon'],
    phone   => ['iphone', '198.51.100.91', '', 'Spain', 'Valencia'],
    browser => ['firefox', '203.0.113.180', '', 'United States', 'Boston'],
    nordic  => ['thunderbird', '192.0.2.44', '', 'Sweden', 'Malmö'],
    gmail   => ['gmail', '66.249.93.73', 'google_own', '', ''],
    apple   => ['apple', '172.225.10.20', 'apple_relay_exact,apple_relay_coarse',
        '', ''],
);

my @people = (
    ['Ann Doe', 'ann@example.org', 'linux'],
    ['Bertil Ek', 'bertil.ek@example.se', 'nordic'],
    ['Carmen Ruiz', 'carmen@example.es', 'phone'],
    ['Dana Whitfield', 'dana@example.com', 'browser'],
    ['Émile Laurent', 'emile@example.fr', 'office'],
    ['Farid Nazari', 'farid@example.net', 'gmail'],
    ['Greta Holm', 'greta@example.de', 'linux'],
    ['Hana Sato', 'hana@example.jp', 'apple'],
    ['', 'info@example.com', 'gmail'],
    ['Jonas Weber', 'jonas@example.de', 'gmail'],
    ['Kaya Demir', 'kaya@example.org', 'phone'],
    ['Luis Ortega', 'luis@example.mx', 'browser'],
);

my @subjects = ('The offer', 'Minutes of Tuesday', 'Invoice 2041',
    'Draft of the contract', 'Your question about delivery', 'Photos',
    'Lunch on Friday?', 'Quarterly figures', 'Welcome aboard',
    'Change of address', 'Thank you', 'Roadmap, second draft',
    'Tickets for the fair', 'Reminder: your appointment');

# A generator of its own, so that the store is the same wherever perl runs.
my $seed;
sub dice { $seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
    return int(($seed >> 8) % $_[0]) }

sub address { my ($one) = @_;
    return length $one->[0] ? "$one->[0] <$one->[1]>" : $one->[1] }

sub escaped {
    my ($text) = @_;
    utf8::encode($text) if utf8::is_utf8($text);
    $text =~ s/([%\x00-\x1f\x7f])/sprintf '%%%02X', ord $1/ge;
    return $text;
}

sub line {
    my ($at, $id, $agent, $address, $networks, $country, $city, $method) = @_;
    return join("\t", 1, sprintf('%.0f', $at * 1e6), $id, $address,
        $method // 'GET', 'a', escaped($agent{$agent} // $agent), '', '',
        $networks, escaped($country), escaped($city), '.') . "\n";
}

# Lines of hits as a finished segment; returns when all of them are stored.
sub spool {
    my ($t, @lines) = @_;
    my $name = sprintf '%08x-0000-4000-8000-%012x', time, ++our $segments;
    my $path = $t->spool . "/$name.seg";
    open my $file, '>:raw', "$path.new" or die "$path: $!";
    print {$file} @lines;
    close $file or die "$path: $!";
    chown +(stat $t->spool)[4, 5], "$path.new";
    chmod 0660, "$path.new";
    rename "$path.new", $path or die "$path: $!";
    $t->wait_for(sub { !-e $path }) or die 'the drain does not come along';
}

# Moves mails into the past: [[id, seconds since the epoch], ...]
sub age {
    my ($t, @mails) = @_;
    my @widths = $t->sql('SELECT DISTINCT width FROM open_rollups');
    my $sql = "BEGIN IMMEDIATE;\n";
    for my $mail (@mails) {
        my ($id, $at) = @$mail;
        $sql .= sprintf "UPDATE tracked_emails SET created_at = %d000000,"
          . " updated_at = %d000000 WHERE public_id = '%s';\n", $at, $at, $id;
    }
    $sql .= "UPDATE recipients SET last_mail_at = (SELECT max(t.created_at)"
      . ' FROM email_recipients e JOIN tracked_emails t ON t.id = e.track_id'
      . " WHERE e.recipient_id = recipients.id);\nDELETE FROM open_rollups;\n";
    for my $width (map { $_->{width} } @widths) {
        $sql .= 'INSERT INTO open_rollups (width, bucket, node, mails)'
          . " SELECT $width, created_at - created_at % (${width}000000), 'demo',"
          . " count(*) FROM tracked_emails GROUP BY 2;\n";
    }
    $t->sql("${sql}COMMIT;");
}

sub hits_of {
    my ($id, $person, $sent, $now) = @_;
    my $way = $way{ $person->[2] };
    my ($agent, $address, $networks, $country, $city) = @$way;
    my @lines;
    push @lines, line($sent + 3, $id, 'barracuda', '64.235.150.7',
        'barracuda', 'United States', '') if dice(5) == 0;
    if ($person->[2] eq 'apple') {
        push @lines, line($sent + 900, $id, @$way);
        return @lines;
    }
    return @lines if dice(10) < 3;
    my $at = $sent + 120 + dice(10) * dice(10) * 240;
    for (0 .. dice(3)) {
        # people look in the morning and after lunch
        my $hour = (gmtime $at)[2];
        $at += (8 - $hour) * 3600 if $hour < 6;
        push @lines, line($at, $id, $agent, $address, $networks, $country,
            $city) if $at < $now - 60;
        $at += 3600 + dice(40) * 3600;
    }
    return @lines;
}

# Only before anything else is in the store: the sums are made anew.
sub fill {
    my ($t, %option) = @_;
    $seed = 20;
    my ($days, $mails) = ($option{days} // 80, $option{mails} // 160);
    my $now = $option{now} // time;
    my (@made, @lines);
    my $make = sub {
        my ($sent, $people, %fields) = @_;
        my $track = $t->create(
            recipient => join(', ', map { address($_) } @$people), %fields);
        push @made, [$track->{id}, $sent];
        return $track->{id};
    };
    for my $n (0 .. $mails - 1) {
        my $sent = $now - $days * 86_400 + int($n * ($days - 1) * 86_400 / $mails);
        my (undef, undef, $hour, undef, undef, undef, $weekday) = gmtime $sent;
        $sent += 2 * 86_400 if $weekday == 6;
        $sent += 86_400 if $weekday == 0;
        $sent += (9 - $hour) * 3600 if $hour < 7 || $hour > 18;
        $sent += dice(3000);
        next if $sent > $now - 20 * 3600;
        my $person = $people[ dice(scalar @people) ];
        my $id = $make->($sent, [$person],
            subject => $subjects[ dice(scalar @subjects) ],
            ($n % 23 == 7 ? (notes => 'Call back on Monday') : ()));
        push @lines, hits_of($id, $person, $sent, $now);
    }
    # the last hours, by hand: one of each kind
    my $ago = sub { $now - $_[0] * 60 };
    my %by = map { $_->[1] =~ s/@.*//r => $_ } @people;
    my $id = $make->($ago->(1100), [@by{qw(ann dana)}],
        subject => 'Agenda for the workshop', pinned => JSON::PP::true,
        notes => 'Needs an answer before Thursday');
    push @lines, line($ago->(1090), $id, @{ $way{linux} }),
      line($ago->(700), $id, @{ $way{browser} }),
      line($ago->(320), $id, @{ $way{linux} }),
      line($ago->(1100) + 3, $id, 'barracuda', '64.235.150.7', 'barracuda', '', '');
    for my $name (qw(greta jonas luis bertil.ek)) {
        $id = $make->($ago->(600), [$by{$name}], subject => 'Season opening',
            message_group_id => 'season-opening');
        push @lines, line($ago->(560), $id, @{ $way{ $by{$name}[2] } })
          if $name ne 'luis';
    }
    $id = $make->($ago->(420), [$by{hana}], subject => 'Samples are on the way');
    push @lines, line($ago->(410), $id, @{ $way{apple} });
    $make->($ago->(300), [$by{emile}], subject => 'Second thoughts on pricing');
    $id = $make->($ago->(190), [$by{carmen}], subject => 'Photos of the fair');
    push @lines, line($ago->(190) + 2, $id, 'barracuda', '64.235.150.7', 'barracuda', '', ''),
      line($ago->(170), $id, @{ $way{phone} }),
      line($ago->(44), $id, @{ $way{phone} });
    $id = $make->($ago->(55), [$by{farid}], subject => 'Offer 77, revised');
    push @lines, line($ago->(55) + 1, $id, 'curl', '192.0.2.200', '', '', ''),
      line($ago->(21), $id, @{ $way{gmail} }), line($ago->(8), $id, @{ $way{gmail} });
    $make->($ago->(12), [$by{kaya}], subject => 'Lunch on Friday?');
    age($t, @made);
    spool($t, @lines);
    return scalar @made;
}

1;
