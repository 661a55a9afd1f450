# SPDX-License-Identifier: MIT
package Mailtrack::Smtp;

# An SMTP server that takes no mail anywhere, but fails as it is told; and the
# private mail system, started for one test file.
#
#   my $server = Mailtrack::Smtp->new(rcpt => "450 4.2.0 later\r\n");
#   ... $server->port ... $server->said ... $server->connections
#
# A phase (greeting, ehlo, starttls, auth, mail, rcpt, data, queued, quit) has
# bytes to send instead of the right answer, or a sub that is called with the
# socket, the line and the number of the connection: what it returns is sent,
# undef is the right answer after all. Also exported: hang (until the client
# goes), shut, reset_it, drip(TEXT) (a byte every 100 ms), and
# together(DIR, N): waits until N of its callers are there.

use strict;
use warnings;
use Exporter 'import';
use File::Temp ();
use IO::Socket::INET;
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep);

our @EXPORT = qw(hang shut reset_it drip together);

my %right = (
    greeting => "220 bad.test ESMTP\r\n",
    ehlo     => "250-bad.test\r\n250 SIZE 1000000\r\n",
    starttls => "220 go on\r\n",
    auth     => "235 2.7.0 welcome\r\n",
    mail     => "250 2.1.0 Ok\r\n",
    rcpt     => "250 2.1.5 Ok\r\n",
    data     => "354 go on\r\n",
    queued   => "250 2.0.0 Ok: queued as T1\r\n",
    quit     => "221 2.0.0 Bye\r\n",
    noop     => "250 2.0.0 Ok\r\n",
);

sub hang { my ($s) = @_; 1 while sysread $s, my $more, 4096; POSIX::_exit(0) }
sub shut { close $_[0]; POSIX::_exit(0) }

sub reset_it {
    my ($s) = @_;
    setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $s;
    POSIX::_exit(0);
}

sub drip {
    my ($text) = @_;
    return sub {
        my ($s) = @_;
        for my $byte (split //, $text) {
            syswrite $s, $byte or POSIX::_exit(0);
            sleep 0.1;
        }
        hang($s);
    };
}

sub together {
    my ($dir, $count) = @_;
    return sub {
        open my $mark, '>', "$dir/$$" or die "$dir: $!";
        close $mark;
        sleep 0.01 while (() = glob "$dir/*") < $count;
        return undef;
    };
}

sub new {
    my ($class, %how) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
        Listen => 50, Proto => 'tcp') or die "no listener: $@";
    my $log = File::Temp->new;
    my $self = bless { port => $listener->sockport, log => $log }, $class;
    my $pid = fork() // die "fork: $!";
    if (!$pid) {
        setpgrp 0, 0;
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        $SIG{PIPE} = $SIG{CHLD} = 'IGNORE';
        _serve($listener, $log->filename, { %right, %how });
        POSIX::_exit(0);
    }
    $self->{pid} = $pid;
    return $self;
}

sub DESTROY {
    my ($self) = @_;
    local $?;
    kill KILL => -$self->{pid} or kill KILL => $self->{pid};
    waitpid $self->{pid}, 0;
}

sub port { return $_[0]{port} }

# Lines "NUMBER LINE" of what clients said; the mail itself left out.
sub said {
    my ($self) = @_;
    open my $file, '<', $self->{log}->filename or die "log: $!";
    return map { s/\r?\n\z//r } <$file>;
}

sub connections {
    my ($self) = @_;
    my %seen = map { /^(\d+)/ ? ($1 => 1) : () } $self->said;
    return scalar keys %seen;
}

sub _serve {
    my ($listener, $log, $how) = @_;
    my $number = 0;
    while (my $s = $listener->accept) {
        $number++;
        my $pid = fork() // next;
        if (!$pid) {
            close $listener;
            open my $said, '>>', $log or POSIX::_exit(1);
            $said->autoflush(1);
            _talk($s, $said, $number, $how);
            POSIX::_exit(0);
        }
        close $s;
    }
}

sub _talk {
    my ($s, $said, $number, $how) = @_;
    my ($buffer, $in_mail) = ('', 0);
    print {$said} "$number connected\n";
    my $answer = sub {
        my ($phase, $line) = @_;
        my $what = $how->{$phase};
        $what = $what->($s, $line, $number) // $right{$phase} if ref $what;
        for (my $at = 0; $at < length $what;) {
            $at += syswrite($s, $what, 65536, $at) || POSIX::_exit(0);
        }
    };
    $answer->('greeting', '');
    while (1) {
        while ($buffer =~ s/\A(.*?\n)//s) {
            my $line = $1;
            if ($in_mail) {
                next if $line ne ".\r\n";
                $in_mail = 0;
                print {$said} "$number .\n";
                $answer->('queued', $line);
                next;
            }
            print {$said} "$number $line";
            my ($verb) = $line =~ /^(\w+)/;
            my $phase = lc($verb // '');
            $phase = 'ehlo' if $phase eq 'helo';
            $answer->(exists $right{$phase} ? $phase : 'noop', $line);
            $in_mail = 1
              if $phase eq 'data' && !ref $how->{data}
              && $how->{data} =~ /^354/;
            POSIX::_exit(0) if $phase eq 'quit';
        }
        sysread $s, $buffer, 65536, length $buffer or last;
    }
    print {$said} "$number gone\n";
}

1;
