# SPDX-License-Identifier: MIT
package Mailtrack::Routes;

# What mailprobe would have left in the store after some weeks: accounts,
# channels, monitors in every state with their probes, sums, states and alerts.
# For tests of what reads it, and for pictures. A day of probes, sixty days of
# sums; one monitor fails just now.
#
#   my %monitor = Mailtrack::Routes::fill($t);    # name => public id

use strict;
use warnings;
use JSON::PP ();
use POSIX ();

my $json = JSON::PP->new->canonical;
my @bounds = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800);
my @classes = qw(le_100ms le_250ms le_500ms le_1s le_2500ms le_5s le_10s
  le_30s le_1m le_2m le_5m le_10m le_30m le_inf);
my @outcomes = qw(ok slow late missing spam bounced send_failed blind);

my $seed;
sub dice { $seed = ($seed * 1103515245 + 12345) & 0x7fffffff;
    return int(($seed >> 8) % $_[0]) }

sub quoted {
    my ($value) = @_;
    return 'NULL' if !defined $value;
    return $value if $value =~ /\A-?\d+\z/;
    $value =~ s/'/''/g;
    return "'$value'";
}

sub insert {
    my ($table, %row) = @_;
    my @names = sort keys %row;
    return "INSERT INTO $table (" . join(', ', @names) . ') VALUES ('
      . join(', ', map { quoted($row{$_}) } @names) . ");\n";
}

sub us { return sprintf '%.0f', $_[0] * 1e6 }
sub uuid { return sprintf '%08x-0000-4000-8000-%012x', 0x40000000 + $_[0], $_[0] }

# name, recipient, send, watch, usual seconds, then what it is like now
my @monitors = (
    { name => 'Office to Gmail', recipient => 'probe.office@gmail.example',
        send => 'office', watch => 'gmail', usual => 2.1, state => 'ok' },
    { name => 'Gmail to office', recipient => 'probe@office.example',
        send => 'gmail', watch => 'office', usual => 3.4, state => 'slow',
        detail => 'took 14.2 s, usually 3.4 s' },
    { name => 'Office, internal', recipient => 'echo@office.example',
        send => 'office', watch => 'office', usual => 0.18, state => 'ok',
        declared => 1 },
    { name => 'To example.org', recipient => 'probe@example.org',
        send => 'office', watch => 'example', usual => 6.5, state => 'missing',
        detail => 'accepted as 4c7XQ2, then unseen for 15 min', bad => 50 },
    { name => 'To example.fr', recipient => 'sonde@example.fr',
        send => 'office', watch => 'france', usual => 4.2, state => 'spam',
        detail => 'delivered to Junk', bad => 400 },
    { name => 'To the partner', recipient => 'probe@partner.example',
        send => 'office', watch => 'partner', usual => 1.2, state => 'blind',
        detail => 'imap.partner.example: the password was refused', bad => 90 },
    { name => 'Old relay', recipient => 'probe@relay.example',
        send => 'office', watch => 'office', usual => 1, state => 'paused',
        enabled => 0 },
);

sub accounts {
    my ($now) = @_;
    my $sql = '';
    for (['office', 'probe@office.example', 'mail.office.example', 'up', ''],
        ['gmail', 'probe.office@gmail.example', 'smtp.gmail.example', 'up', ''],
        ['example', '', 'imap.example.org', 'up', ''],
        ['france', '', 'imap.example.fr', 'up', ''],
        ['partner', '', 'imap.partner.example', 'blind',
            'the password was refused: [AUTHENTICATIONFAILED]']) {
        my ($name, $sender, $host, $state, $detail) = @$_;
        $sql .= insert('accounts', name => $name, sender => $sender,
            smtp => $sender ? "smtps://$host:465" : '',
            imap => "imaps://$host:993",
            smtp_user => $sender, imap_user => $sender || 'probe',
            state => $state, detail => $detail, since => us($now - 90 * 60),
            updated_at => us($now), present => 1);
    }
    return $sql;
}

# Of each channel what it did last.
sub channels {
    my ($now) = @_;
    my $sql = '';
    my $id = 1_000_000;
    for (['inbox', 'email', 'ann@example.com', 0],
        ['phone', 'ntfy', 'ntfy.example.com/mailtrack', 0],
        ['team', 'discord', 'discord.example (webhook 77)', 1]) {
        my ($name, $kind, $target, $bad) = @$_;
        $sql .= insert('channels', name => $name, kind => $kind,
            target => $target, present => 1, since => us($now - 50 * 86_400),
            last_ok_at => us($now - ($bad ? 9_000 : 2_700)),
            failing_since => $bad ? us($now - 2_700) : undef,
            last_error => $bad ? '404 Not Found: Unknown Webhook' : '',
            last_error_at => $bad ? us($now - 300) : undef,
            retry_at => $bad ? us($now + 900) : undef, updated_at => us($now));
        my @log = (['alarm', 'sent', 203_000], ['recovered', 'sent', 200_000],
            ['first_open', 'sent', 9_000],
            ['alarm', $bad ? 'pending' : 'sent', 2_700]);
        for (@log) {
            my ($event, $state, $ago) = @$_;
            $id++;
            $sql .= insert('outbox', id => $id, dedupe_key => "demo:$id",
                event => $event, created_at => us($now - $ago),
                expires_at => us($now + 86_400),
                dispatched_at => us($now - $ago + 30));
            $sql .= insert('outbox_deliveries', outbox_id => $id,
                channel => $name, state => $state,
                attempts => $state eq 'sent' ? 1 : 6,
                next_at => us($now + 900),
                detail => $state eq 'sent' ? '' : '404 Not Found: Unknown Webhook',
                done_at => $state eq 'sent' ? us($now - $ago + 31) : undef);
        }
    }
    return $sql;
}

# What a probe was like that was due at a time.
sub outcome_at {
    my ($m, $ago, $n) = @_;
    my $latency = $m->{usual} * (0.8 + dice(600) / 1000);
    $latency *= 2 + dice(3) if dice(90) == 0;
    return ($m->{state}, $m->{state} eq 'spam' ? $latency : undef)
      if $m->{bad} && $ago < $m->{bad} * 60;
    return ('missing', undef) if $n == 2 && $ago > 39_000 && $ago < 40_500;
    return ('slow', $m->{usual} * 4.2) if $m->{state} eq 'slow' && $ago < 700;
    return ('late', $m->{usual} + 340) if $n == 1 && dice(140) == 0;
    return ('ok', $latency);
}

sub add_sum {
    my ($sums, $width, $at, $outcome, $latency) = @_;
    my $bucket = $width ? $at - $at % $width : 0;
    my $row = $sums->{$width}{$bucket} //= {};
    $row->{ $outcome =~ s/-/_/r }++;
    return if !defined $latency;
    $row->{latency_us} += us($latency);
    my $class = 0;
    $class++ while $class < @bounds && $latency > $bounds[$class];
    $row->{ $classes[$class] }++;
}

my @phases = (['connect', 11_200], ['tls', 24_800], ['greeting', 9_100],
    ['ehlo', 6_300], ['auth', 14_900], ['mail', 4_100], ['rcpt', 18_700],
    ['data', 5_200], ['queued', 31_400]);

sub anatomy {
    my ($m, $at, $outcome, $latency) = @_;
    my %row = (phases => $json->encode([ map {
        { name => $_->[0], us => $_->[1] } } @phases ]));
    return %row if !defined $latency;
    my @way = (['probe.office.example', 'mail.office.example', 'ESMTPSA', 0.05],
        ['mail.office.example', "mx1.$m->{domain}", 'ESMTPS', 0.7],
        ["mx1.$m->{domain}", "store4.$m->{domain}", 'LMTP', 0.25]);
    my $when = $at;
    my @hops = map {
        my ($from, $by, $protocol, $share) = @$_;
        my $delay = $latency * $share;
        $when += $delay;
        { from => $from, by => $by, protocol => $protocol,
            id => sprintf('%08x', dice(1 << 30)),
            tls => $protocol =~ /S/ ? JSON::PP::true : JSON::PP::false,
            at => us($when) + 0, delay_us => us($delay) + 0,
            skewed => JSON::PP::false };
    } @way;
    $row{hops} = $json->encode(\@hops);
    $row{auth} = $json->encode([
        { method => 'spf', result => 'pass', domain => 'office.example',
            selector => '', reason => '' },
        { method => 'dkim', result => $outcome eq 'spam' ? 'fail' : 'pass',
            domain => 'office.example', selector => 's2048',
            reason => $outcome eq 'spam' ? 'body hash did not verify' : '' },
        { method => 'dmarc', result => $outcome eq 'spam' ? 'fail' : 'pass',
            domain => 'office.example', selector => '', reason => '' } ]);
    $row{spam} = $json->encode($outcome eq 'spam'
        ? { 'X-Spam-Status' => 'Yes, score=6.1 required=5.0' } : {});
    return %row;
}

sub probe {
    my ($id, $m, $n, $at, $outcome, $latency) = @_;
    my $sent = $at + 0.13;
    return insert('probes', id => $id, monitor_id => $n + 1,
        token => sprintf('f%031x', $id), due_at => us($at),
        outcome => $outcome, detail => $outcome eq 'ok' ? ''
          : $m->{detail} && $outcome eq $m->{state} ? $m->{detail} : '',
        started_at => us($at + 0.01), sent_at => us($sent),
        seen_at => defined $latency ? us($sent + $latency) : undef,
        decided_at => us($sent + ($latency // 900)),
        latency_us => defined $latency ? us($latency) : undef,
        resolution_us => defined $latency ? 50_000 : undef,
        folder => !defined $latency ? undef
          : $outcome eq 'spam' ? 'Junk' : 'INBOX',
        delivered_at => defined $latency
          ? us(int($sent + $latency)) : undef,
        send_state => 'accepted', send_code => 250,
        send_reply => '250 2.0.0 Ok: queued as ' . sprintf('4c%04X', $id),
        queue_id => sprintf('4c%04X', $id),
        tls => 'TLSv1.3 TLS_AES_256_GCM_SHA384',
        cert_until => us($at + 40 * 86_400),
        anatomy($m, $at, $outcome, $latency));
}

sub history {
    my ($m, $n, $now, $id) = @_;
    my (%sums, $last);
    my $sql = '';
    $m->{domain} = $m->{recipient} =~ s/.*@//r;
    my $begin = $now - 60 * 86_400;
    my $at = $begin;
    while ($at < $now - 30) {
        my $ago = $now - $at;
        last if !($m->{enabled} // 1) && $ago < 2 * 86_400;
        my ($outcome, $latency) = outcome_at($m, $ago, $n);
        my $step = $ago > 9 * 86_400 ? 3600 : 300;
        add_sum(\%sums, $_, $at, $outcome, $latency) for 0, 3600, 86_400;
        $sql .= probe($$id++, $m, $n, $at, $outcome, $latency)
          if $ago < 86_400;
        $last = { at => $at, outcome => $outcome, latency => $latency };
        $m->{last_ok} = $at if $outcome eq 'ok' || $outcome eq 'slow';
        $m->{last_latency} = $latency // $m->{last_latency};
        $at += $step;
    }
    $m->{last} = $last->{at};
    for my $width (keys %sums) {
        for my $bucket (keys %{ $sums{$width} }) {
            $sql .= insert('probe_rollups', monitor_id => $n + 1,
                width => $width, bucket => us($bucket),
                %{ $sums{$width}{$bucket} });
        }
    }
    return $sql;
}

sub monitor {
    my ($m, $n, $now) = @_;
    my $bad = $m->{bad} // 0;
    my $since = $bad ? $now - $bad * 60 : $now - 86_400 * 3;
    my $sql = insert('monitors', id => $n + 1, public_id => uuid($n + 1),
        name => $m->{name}, recipient => $m->{recipient},
        domain => $m->{domain}, send_account => $m->{send},
        watch_account => $m->{watch}, interval_us => us(300),
        retry_us => us(60), late_us => us(300), missing_us => us(900),
        failures_needed => 2, successes_needed => 1,
        alert_on => 'missing,bounced,send-failed,spam,late,blind',
        keep_mail => 0, enabled => $m->{enabled} // 1,
        declared => $m->{declared} // 0, created_at => us($now - 60 * 86_400),
        updated_at => us($now - 60 * 86_400), state => $m->{state},
        state_since => us($since), detail => $m->{detail} // '',
        failures => $bad ? int($bad / 5) : 0,
        alarmed => $bad && $m->{state} ne 'blind' ? 1 : 0,
        decided_to => us($m->{last}), failed_to => $bad ? us($m->{last}) : 0,
        next_at => us($now + 120), last_probe_at => us($m->{last}),
        last_ok_at => us($m->{last_ok}),
        last_latency_us => us($m->{last_latency}),
        usual_us => us($m->{usual}),
        auth_state => $m->{state} eq 'spam' ? 'fail' : 'pass',
        cert_until => us($now + ($n == 1 ? 11 : 200) * 86_400));
    my @states = (['ok', $now - 60 * 86_400, '']);
    push @states, ['missing', $now - 40_000, 'accepted, then unseen'],
      ['ok', $now - 38_000, ''] if $n == 2;
    push @states, [$m->{state}, $since, $m->{detail} // '']
      if $m->{state} ne 'ok';
    $sql .= insert('monitor_states', monitor_id => $n + 1,
        since => us($_->[1]), state => $_->[0], detail => $_->[2])
      for @states;
    return $sql;
}

sub member {
    my ($incident, $n, $now, $ago, $over, $state) = @_;
    my $m = $monitors[$n];
    return insert('incident_monitors', incident_id => $incident,
        monitor_id => $n + 1, joined_at => us($now - $ago),
        failing_since => us($now - $ago - 900),
        state => $state // ($over ? 'missing' : $m->{state}),
        detail => $state ? 'it ends in 11 days'
          : $over ? 'accepted, then unseen' : $m->{detail},
        last_hop => "mx1.$m->{domain}", last_ok_at => us($now - $ago - 1200),
        recovered_at => $over ? us($now - $over) : undef);
}

sub alerts {
    my ($now) = @_;
    my $sql = '';
    my $id = 0;
    for (['delivery', '', 'Office, internal and Gmail to office did not arrive',
            'accepted, then unseen', 203_000, 200_000, 'ann'],
        ['house', 'drain', 'The drain stands still',
            'hits have waited for 4 min', 600_000, 599_000, undef],
        ['certificate', '', 'The certificate of smtp.gmail.example ends soon',
            'it ends in 11 days', 100_000, undef, 'ann'],
        ['delivery', '', 'Mail to example.fr is delivered to spam',
            'delivered to Junk', 22_000, undef, undef],
        ['delivery', '', 'Mail to example.org does not arrive',
            'accepted as 4c7XQ2, then unseen for 15 min', 2_100, undef, undef]) {
        my ($kind, $subject, $title, $detail, $ago, $over, $who) = @$_;
        $id++;
        $sql .= insert('incidents', id => $id, public_id => uuid(900 + $id),
            kind => $kind, subject => $subject, title => $title,
            detail => $detail, opened_at => us($now - $ago),
            closed_at => $over ? us($now - $over) : undef,
            acked_at => $who ? us($now - $ago + 600) : undef,
            acked_by => $who, told => 2, updated_at => us($now - $ago),
            repeat_at => $over || $who ? undef : us($now + 1500));
    }
    return $sql . member(1, 1, $now, 203_000, 200_000)
      . member(1, 2, $now, 203_000, 200_100)
      . member(3, 1, $now, 100_000, undef, 'certificate')
      . member(4, 4, $now, 22_000) . member(5, 3, $now, 2_100);
}

# A mailprobe is at work for so long from now.
sub lease {
    my ($now, $lasts) = @_;
    return insert('leases', name => 'process:' . uuid(77), owner => uuid(77),
        until => us($now + $lasts));
}

sub fill {
    my ($t, %option) = @_;
    $seed = 7;
    my $now = $option{now} // time;
    my $id = 1;
    my $sql = "BEGIN IMMEDIATE;\n" . accounts($now) . channels($now);
    my (@monitor_rows, $history);
    for my $n (0 .. $#monitors) {
        $history .= history($monitors[$n], $n, $now, \$id);
        push @monitor_rows, monitor($monitors[$n], $n, $now);
    }
    $sql .= join('', @monitor_rows) . $history . alerts($now);
    $sql .= lease($now, $option{lease} // 86_400);
    $t->sql("${sql}COMMIT;");
    return map { $monitors[$_]{name} => uuid($_ + 1) } 0 .. $#monitors;
}

1;
