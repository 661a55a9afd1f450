# SPDX-License-Identifier: MIT
package Mailtrack::Load;

# Clients that fetch pixels and know of each request whether it was answered.
# Each has a name of its own, sent as the user agent, by which it is found in
# the store:
#
#   my $load = Mailtrack::Load->start($t, ids => \@ids, clients => 4);
#   ... kill, restart, fill the disk ...
#   $load->stop;
#   is_deeply [ $load->faults($t) ], [], 'stored exactly once';

use strict;
use warnings;
use File::Temp ();
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(sleep time);

my $serial = 0;

# ids      fetched in turn
# clients  processes; 4
# count    requests of each client; without it until stop
# pause    seconds between requests of a client; 0
# reuse    requests of one connection; 20
# path     a string with %s for the id
sub start {
    my ($class, $t, %option) = @_;
    my $self = bless {
        clients => 4, pause => 0, reuse => 20, path => "$t->{base_path}/p/%s.gif",
        %option, port => $t->port, dir => File::Temp->newdir, pids => [],
        serial => ++$serial,
    }, $class;
    for my $client (1 .. $self->{clients}) {
        my $pid = fork() // die "fork: $!";
        if (!$pid) {
            eval { $self->_client($client) };
            print STDERR "# load: $@" if $@;
            POSIX::_exit($@ ? 1 : 0);
        }
        push @{ $self->{pids} }, $pid;
    }
    return $self;
}

sub _client {
    my ($self, $client) = @_;
    my $ended = 0;
    $SIG{TERM} = sub { $ended = 1 };
    $SIG{INT}  = $SIG{HUP} = $SIG{ALRM} = 'DEFAULT';
    $SIG{PIPE} = 'IGNORE';
    alarm 0;
    open my $log, '>', "$self->{dir}/$client" or die "log: $!";
    $log->autoflush(1);
    my ($socket, $used) = (undef, 0);
    for (my $n = 0; !$ended && (!$self->{count} || $n < $self->{count}); $n++) {
        my $id   = $self->{ids}[ ($n * $self->{clients} + $client - 1)
              % @{ $self->{ids} } ];
        my $name = "load-$$-$self->{serial}-$n";
        undef $socket if $used >= $self->{reuse};
        if (!$socket) {
            $used = 0;
            $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                PeerPort => $self->{port}, Timeout => 5);
            if (!$socket) { sleep 0.02; $n--; next }
        }
        my $path = sprintf $self->{path}, $id;
        my $ok = _fetch($socket, $path, $name);
        $used++;
        print {$log} $ok ? 'A' : 'U', " $name $id\n";
        undef $socket if !$ok;
        sleep $self->{pause} if $self->{pause};
    }
    close $log;
}

# Sends it once; true when the whole answer came.
sub _fetch {
    my ($socket, $path, $name) = @_;
    my $request = "GET $path HTTP/1.1\r\nHost: localhost\r\n"
      . "User-Agent: $name\r\n\r\n";
    (syswrite($socket, $request) // 0) == length $request or return 0;
    my $answer = '';
    my $end    = time() + 30;
    while ($answer !~ /\r\n\r\n.{43}\z/s) {
        my $ready = '';
        vec($ready, fileno $socket, 1) = 1;
        my $left = $end - time();
        return 0 if $left <= 0;
        select($ready, undef, undef, $left) > 0 or next;
        sysread($socket, $answer, 4096, length $answer) or return 0;
    }
    return $answer =~ m{^HTTP/1\.1 200 };
}

# Every request under way is ended first.
sub stop {
    my ($self) = @_;
    kill TERM => @{ $self->{pids} };
    return $self->wait;
}

# Until all clients are done; returns the numbers answered and not answered.
sub wait {
    my ($self) = @_;
    waitpid $_, 0 for @{ $self->{pids} };
    $self->{pids} = [];
    my (%answered, %doubtful);
    for my $path (glob "$self->{dir}/*") {
        open my $log, '<', $path or die "$path: $!";
        while (<$log>) {
            my ($kind, $name, $id) = split;
            ($kind eq 'A' ? \%answered : \%doubtful)->{$name} = $id;
        }
    }
    @$self{qw(answered doubtful)} = (\%answered, \%doubtful);
    return (scalar keys %answered, scalar keys %doubtful);
}

sub answered { return scalar keys %{ $_[0]{answered} } }

# How many requests were answered up to now; while it runs.
sub progress {
    my ($self) = @_;
    my $count = 0;
    for my $path (glob "$self->{dir}/*") {
        open my $log, '<', $path or next;
        $count += grep { /^A/ } <$log>;
    }
    return $count;
}

# What is wrong in the store: answered hits that are missing, any that are
# there twice or at another mail. At most so many answered hits may be missing
# (those the server itself counts as lost).
sub faults {
    my ($self, $t, %option) = @_;
    my $mine = "load-%-$self->{serial}-%";
    my (%seen, @faults, @missing);
    for my $row ($t->sql("SELECT user_agent AS name, public_id AS id,"
            . " count(*) AS n FROM opens JOIN tracked_emails t"
            . " ON t.id = track_id WHERE user_agent LIKE '$mine'"
            . " GROUP BY 1, 2", $option{store})) {
        my $id = $self->{answered}{ $row->{name} }
          // $self->{doubtful}{ $row->{name} };
        push @faults, "$row->{name}: stored $row->{n} times" if $row->{n} > 1;
        push @faults, "$row->{name}: stored at another mail"
          if !defined $id || lc $id ne $row->{id} || $seen{ $row->{name} }++;
    }
    @missing = grep { !$seen{$_} } sort keys %{ $self->{answered} };
    push @faults, scalar(@missing) . " answered hits are missing: $missing[0]"
      if @missing > ($option{lost} // 0);
    splice @faults, 10 if @faults > 10;
    return @faults;
}

sub DESTROY {
    my ($self) = @_;
    local $?;
    return if !@{ $self->{pids} };
    kill KILL => @{ $self->{pids} };
    waitpid $_, 0 for @{ $self->{pids} };
}

1;
