# SPDX-License-Identifier: MIT
package Mailtrack::Proc;

# Processes as the kernel sees them, and commands with their output: what the
# tests need and perl does not have. Linux only (/proc).

use strict;
use warnings;
use Exporter 'import';
use File::Temp ();
use POSIX ();
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(alive group_members children_of run_command spawn
  reap wait_until);

# The fields of /proc/PID/stat behind the name: state, ppid, pgrp, ...
sub _stat {
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/stat" or return;
    my $line = <$file> // return;
    $line =~ s/^.*\) //s;
    return split ' ', $line;
}

# A zombie answers kill(0) for as long as nobody reaps it, so look at the state.
sub alive {
    my ($state) = _stat($_[0]);
    return defined $state && $state !~ /^[ZX]/;
}

sub _processes {
    my ($field, $wanted) = @_;
    opendir my $dir, '/proc' or die "/proc: $!";
    return grep {
        my @stat = _stat($_);
        @stat && $stat[0] !~ /^[ZX]/ && $stat[$field] == $wanted
    } sort { $a <=> $b } grep { /^\d+$/ } readdir $dir;
}

sub children_of   { return _processes(1, $_[0]) }
sub group_members { return _processes(2, $_[0]) }

# True as soon as the code is, undef when it never was for so many seconds.
sub wait_until {
    my ($code, $seconds) = @_;
    my $end = time() + ($seconds // 5);
    while (1) {
        my $result = $code->();
        return $result if $result;
        return undef if time() >= $end;
        sleep 0.03;
    }
}

# Starts a command in a process group of its own; stdout and stderr go to a
# file. It is told to end when this perl dies, however that happens.
sub spawn {
    my ($log, $env, $dir, @command) = @_;
    my $pid = fork() // die "fork: $!";
    return $pid if $pid;
    setpgrp 0, 0;
    @ENV{keys %$env} = values %$env;
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP ALRM PIPE);
    _die_with_parent();
    chdir $dir or POSIX::_exit(126);
    open STDIN,  '<',  '/dev/null' or POSIX::_exit(126);
    open STDOUT, '>>', $log        or POSIX::_exit(126);
    open STDERR, '>&', \*STDOUT    or POSIX::_exit(126);
    exec { $command[0] } @command or POSIX::_exit(127);
}

sub _die_with_parent {
    my $machine = (POSIX::uname())[4];
    my %prctl   = (x86_64 => 157, aarch64 => 167);
    syscall $prctl{$machine}, 1, POSIX::SIGTERM() if $prctl{$machine};
}

# The exit status of a child of ours ($? as wait gives it); undef: still there.
sub reap {
    my ($pid, $seconds) = @_;
    my $status;
    wait_until(
        sub {
            my $got = waitpid $pid, POSIX::WNOHANG();
            $status = $got == $pid ? $? : -1 if $got;
            return defined $status;
        },
        $seconds
    );
    return $status;
}

# (exit code, stdout, stderr) of a command; its stdin is the given text.
# A command ended by a signal has the exit code 128 + signal, as in a shell.
sub run_command {
    my ($stdin, $env, @command) = @_;
    my ($in, $out, $err) = map { File::Temp->new } 1 .. 3;
    print {$in} $stdin // '';
    close $in;
    my $pid = fork() // die "fork: $!";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP ALRM PIPE);
        @ENV{keys %$env} = values %$env;
        open STDIN,  '<', $in->filename  or POSIX::_exit(126);
        open STDOUT, '>', $out->filename or POSIX::_exit(126);
        open STDERR, '>', $err->filename or POSIX::_exit(126);
        exec { $command[0] } @command or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    my $code = $? & 127 ? 128 + ($? & 127) : $? >> 8;
    my @text = map { _slurp($_->filename) } $out, $err;
    return ($code, @text);
}

sub _slurp {
    my ($path) = @_;
    open my $file, '<', $path or return '';
    local $/;
    return scalar(<$file>) // '';
}

1;
