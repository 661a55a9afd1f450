# SPDX-License-Identifier: MIT
package Mailtrack::Hook;

# A web server that takes messages, and fails as it is told to. Everything that
# was sent to it can be looked at.
#
#   my $hook = Mailtrack::Hook->new(dir => $dir);            # or tls => 1
#   $hook->behave('in', '429', 'Retry-After: 7');
#   ... something posts to $hook->url('in') ...
#   my ($first) = $hook->requests('in');   # method path headers body signed
#
# Behaviours: ok, hang (reads, never answers), deaf (never reads), reset,
# drip (an answer a byte at a time), huge (200 and a body without end), early
# (500 and a body without end), redirect, garbage, or a status with headers.
# Each connection has a process of its own: one that hangs holds up nobody.

use strict;
use warnings;
use IO::Socket::INET;
use JSON::PP ();
use Mailtrack::Proc qw(wait_until);
use POSIX       ();
use Time::HiRes qw(sleep time);

sub new {
    my ($class, %option) = @_;
    my $self = bless { %option }, $class;
    for ($self->{dir}, map { "$self->{dir}/$_" } qw(behave requests)) {
        -d or mkdir or die "$_: $!";
    }
    $self->_make_certificates if $self->{tls};
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Listen => 64, ReuseAddr => 1) or die "listen: $@";
    $self->{port} = $listen->sockport;
    my $parent = $$;
    $self->{pid} = fork() // die "fork: $!";
    if (!$self->{pid}) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP ALRM PIPE);
        eval { $self->_serve($listen, $parent) };
        print STDERR "# hook: $@" if $@;
        POSIX::_exit(0);
    }
    return $self;
}

sub port { return $_[0]{port} }
sub ca   { return "$_[0]{dir}/ca.pem" }

sub url {
    my ($self, $name) = @_;
    my $scheme = $self->{tls} ? 'https' : 'http';
    return "$scheme://127.0.0.1:$self->{port}/$name";
}

sub behave {
    my ($self, $name, $what, @headers) = @_;
    my $path = "$self->{dir}/behave/$name";
    open my $file, '>', "$path.new" or die "$path: $!";
    print {$file} join("\n", $what, @headers), "\n";
    close $file or die "$path: $!";
    rename "$path.new", $path or die "$path: $!";
}

# Whole requests to a name, oldest first, those that got no answer too.
sub requests {
    my ($self, $name) = @_;
    my @all;
    for my $path (sort glob "$self->{dir}/requests/*.json") {
        open my $file, '<:raw', $path or next;
        local $/;
        push @all, JSON::PP::decode_json(scalar <$file>);
    }
    return grep { !defined $name || $_->{path} eq "/$name" } @all;
}

# Waits until a name was sent so many; true when it was.
sub wait_for {
    my ($self, $name, $count, $seconds) = @_;
    return wait_until(sub { $self->requests($name) >= $count },
        $seconds // 15);
}

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    kill 'TERM', -$pid;
    kill 'TERM', $pid;
    waitpid $pid, 0;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $!);
    $self->stop if $self->{pid} && !$self->{served};
}

# -- the server's side -------------------------------------------------------

sub _make_certificates {
    my ($self) = @_;
    require IO::Socket::SSL;
    require IO::Socket::SSL::Utils;
    my @ca = IO::Socket::SSL::Utils::CERT_create(CA => 1,
        subject => { commonName => 'Mailtrack hook authority' });
    my @own = IO::Socket::SSL::Utils::CERT_create(issuer => \@ca,
        subject => { commonName => 'localhost' },
        subjectAltNames => [[DNS => 'localhost'], [IP => '127.0.0.1']]);
    IO::Socket::SSL::Utils::PEM_cert2file($ca[0], $self->ca);
    IO::Socket::SSL::Utils::PEM_cert2file($own[0], "$self->{dir}/own.pem");
    IO::Socket::SSL::Utils::PEM_key2file($own[1], "$self->{dir}/own.key");
}

sub _serve {
    my ($self, $listen, $parent) = @_;
    $self->{served} = 1;
    setpgrp 0, 0;
    $SIG{CHLD} = 'IGNORE';
    while (1) {
        my $socket;
        my $ready = '';
        vec($ready, fileno $listen, 1) = 1;
        if (select($ready, undef, undef, 0.5) > 0) {
            $socket = $listen->accept;
        }
        last if getppid() != $parent;
        next if !$socket;
        if (!fork) {
            close $listen;
            alarm 120;
            eval { $self->_connection($socket) };
            POSIX::_exit(0);
        }
    }
    kill 'TERM', -$$;
}

sub _connection {
    my ($self, $socket) = @_;
    if ($self->{tls}) {
        $socket = IO::Socket::SSL->start_SSL($socket, SSL_server => 1,
            SSL_cert_file => "$self->{dir}/own.pem",
            SSL_key_file  => "$self->{dir}/own.key") or return;
    }
    while (my $request = $self->_read($socket)) {
        my ($what, @headers) = $self->_behaviour($request->{path});
        $self->_keep($request);
        $self->_answer($socket, $what, @headers) or return;
    }
}

sub _behaviour {
    my ($self, $path) = @_;
    my ($name) = $path =~ m{^/([\w-]+)};
    open my $file, '<', "$self->{dir}/behave/" . ($name // '') or return 'ok';
    chomp(my @lines = <$file>);
    return @lines;
}

sub _read {
    my ($self, $socket) = @_;
    my $text = '';
    while ($text !~ /\r\n\r\n/) {
        my $got = sysread $socket, $text, 65536, length $text;
        return if !$got;
        sleep 600 if ($self->_behaviour((split ' ', $text)[1]))[0] eq 'deaf';
    }
    my ($head, $body) = $text =~ /^(.*?)\r\n\r\n(.*)$/s;
    my ($line, @lines) = split /\r\n/, $head;
    my %header = map { /^([^:]+):\s*(.*)$/ ? (lc $1 => $2) : () } @lines;
    while (length $body < ($header{'content-length'} // 0)) {
        sysread $socket, $body, 65536, length $body or return;
    }
    my ($method, $target) = split ' ', $line;
    my ($path, $query) = split /\?/, $target, 2;
    return { method => $method, path => $path, query => $query,
        headers => \%header, lines => \@lines, body => $body };
}

sub _keep {
    my ($self, $request) = @_;
    my $path = sprintf "%s/requests/%.6f-%d", $self->{dir}, time, $$;
    open my $file, '>:raw', "$path.new" or die "$path: $!";
    print {$file} JSON::PP::encode_json($request);
    close $file;
    rename "$path.new", "$path.json";
}

# True when the connection may go on.
sub _answer {
    my ($self, $socket, $what, @headers) = @_;
    my $long = 'x' x 65536;
    if ($what eq 'hang') {
        sleep 600;
    } elsif ($what eq 'reset') {
        setsockopt $socket, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
        close $socket;
    } elsif ($what eq 'garbage') {
        syswrite $socket, "\0\xff\r\n\r\n" x 20;
    } elsif ($what eq 'drip') {
        for my $byte (split //, "HTTP/1.1 500 Slow\r\nX-Slow: "
            . 'z' x 4000) {
            syswrite $socket, $byte or return;
            sleep 0.2;
        }
    } elsif ($what eq 'huge' || $what eq 'early') {
        my $status = $what eq 'huge' ? 200 : 500;
        syswrite $socket, "HTTP/1.1 $status So\r\n\r\n";
        1 while syswrite $socket, $long;
    } elsif ($what eq 'redirect') {
        syswrite $socket, "HTTP/1.1 307 Away\r\nLocation: "
          . $self->url('elsewhere') . "\r\nContent-Length: 0\r\n\r\n";
        return 1;
    } else {
        my ($status, $body) = $what eq 'ok' ? (204, '') : $what =~ /(\d+)\s*(.*)/;
        syswrite $socket, join "\r\n", "HTTP/1.1 $status Said", @headers,
          'Content-Length: ' . length $body, '', $body;
        return 1;
    }
    return 0;
}

1;
