# SPDX-License-Identifier: MIT
package Mailtrack::Watcher;

# A mailbox watched by mailprobe's own code (t/probe/watch.c), as a process:
#
#   my $watch = Mailtrack::Watcher->new($program, port => 143, ...);
#   my $state = $watch->next('state');     # a hash, or undef after 20 s
#   $watch->order('expect 1');
#
# Events of another kind are kept for later. Ends with the object.

use strict;
use warnings;
use IO::Select;
use IPC::Open3 ();
use JSON::PP ();
use Mailtrack::Proc qw(reap);
use Time::HiRes qw(time);

sub new {
    my ($class, $program, %option) = @_;
    my $self = bless { kept => [], text => '', owner => $$ }, $class;
    $self->{pid} = IPC::Open3::open3($self->{in}, $self->{out}, '>&STDERR',
        $program, map { "$_=$option{$_}" } sort keys %option);
    $self->{in}->autoflush(1);
    $self->{select} = IO::Select->new($self->{out});
    return $self;
}

sub pid { return $_[0]{pid} }

sub order { my ($self, $words) = @_; print { $self->{in} } "$words\n" }

sub _read {
    my ($self, $seconds) = @_;
    return 0 if !$self->{select}->can_read($seconds);
    my $got = sysread $self->{out}, $self->{text}, 65536, length $self->{text};
    return -1 if !$got;
    while ($self->{text} =~ s/^(.*)\n//) {
        push @{ $self->{kept} }, JSON::PP::decode_json($1);
    }
    return 1;
}

# The next event of this kind (and with this in its words or folder).
sub next {
    my ($self, $kind, $like, $seconds) = @_;
    my $end = time() + ($seconds // 20);
    while (1) {
        for my $i (0 .. $#{ $self->{kept} }) {
            my $event = $self->{kept}[$i];
            next if $event->{event} ne $kind
              || $like && ($event->{words} // $event->{folder}) !~ $like;
            return splice @{ $self->{kept} }, $i, 1;
        }
        my $left = $end - time();
        return undef if $left <= 0 || $self->_read($left) < 0;
    }
}

# All events there are after so many seconds of silence.
sub rest {
    my ($self, $seconds) = @_;
    1 while $self->_read($seconds) > 0;
    return splice @{ $self->{kept} };
}

# Ends it, and gives its exit status.
sub end {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return 0;
    # others may have its input open too: forks of the test
    { local $SIG{PIPE} = 'IGNORE'; $self->order('end') }
    close $self->{in};
    my $status = reap($pid, 10);
    return $status if defined $status;
    kill KILL => $pid;
    waitpid $pid, 0;
    return 'it did not end';
}

sub DESTROY { local $?; $_[0]->end if $_[0]{owner} == $$ }

1;
