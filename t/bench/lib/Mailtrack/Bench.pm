# SPDX-License-Identifier: MIT
package Mailtrack::Bench;

# What the benchmarks share: an optimised build, CPU and memory of a server as
# the kernel counts them, medians, tables, and the machine's name for a result.

use strict;
use warnings;
use Exporter 'import';
use Mailtrack::Proc qw(children_of);
use POSIX ();

our @EXPORT_OK = qw(build cpu_of median memory_of say table versions);

# Nothing is installed here; what is missing is named.
sub _check_packages {
    my %package = ('/usr/sbin/apache2' => 'apache2-bin',
        '/usr/bin/sqlite3' => 'sqlite3', '/usr/bin/gcc' => 'gcc');
    my @missing = sort map { $package{$_} } grep { !-x } keys %package;
    die "missing: apt-get install @missing\n" if @missing;
}

# Makes the targets, without sanitizers.
sub build {
    my ($source, $build, @targets) = @_;
    _check_packages();
    say("building in $build");
    my $dir = $build =~ m{^\Q$source\E/?$} ? undef : $build;
    my @command = $dir ? ('sh', "$source/conf/build", $dir)
      : ('make', '-s', '-C', $source, @targets);
    local $ENV{MAILTRACK_TARGETS} = "@targets";
    # what make says is no result
    open my $out, '>&', \*STDOUT or die "dup: $!";
    open STDOUT, '>&', \*STDERR or die "dup: $!";
    my $status = system @command;
    open STDOUT, '>&', $out or die "dup: $!";
    $status == 0 or die "the build failed: @command\n"
      . "what it needs: sh $source/conf/packages install build run\n";
}

sub say { print STDERR "# $_[0]\n" }

sub _stat {
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/stat" or return;
    my $line = <$file> // return;
    $line =~ s/^.*\) //s;
    return split ' ', $line;
}

# Seconds of CPU of a server: the process, its children, and those of them that
# ended (a parent inherits their times when it waits for them).
sub cpu_of {
    my ($pid) = @_;
    my @own = _stat($pid) or die "process $pid is gone";
    my $ticks = $own[11] + $own[12] + $own[13] + $own[14];
    for my $child (children_of($pid)) {
        my @stat = _stat($child) or next;
        $ticks += $stat[11] + $stat[12];
    }
    return $ticks / POSIX::sysconf(&POSIX::_SC_CLK_TCK);
}

# KiB that a process has for itself: what it wrote to, shared with nobody.
sub memory_of {
    my ($pid) = @_;
    open my $file, '<', "/proc/$pid/smaps_rollup" or die "process $pid: $!";
    my ($kib) = map { /^Private_Dirty:\s+(\d+)/ ? $1 : () } <$file>;
    return $kib;
}

sub median {
    my @sorted = sort { $a <=> $b } @_;
    return 0 if !@sorted;
    my $middle = int(@sorted / 2);
    return @sorted % 2 ? $sorted[$middle]
      : ($sorted[ $middle - 1 ] + $sorted[$middle]) / 2;
}

# Rows as a Markdown table; the first is its head.
sub table {
    my ($head, @rows) = @_;
    print '| ', join(' | ', @$head), " |\n";
    print '|', join('|', ('---') x @$head), "|\n";
    print '| ', join(' | ', @$_), " |\n" for @rows;
}

sub versions {
    my ($httpd) = `/usr/sbin/apache2 -v` =~ m{Apache/(\S+)};
    my ($sqlite) = `sqlite3 --version` =~ /^(\S+)/;
    my ($nginx) = `nginx -v 2>&1` =~ m{nginx/(\S+)};
    my ($model) = `cat /proc/cpuinfo` =~ /^model name\s*:\s*(.*)/m;
    chomp(my $cores = `nproc`);
    my @parts = (POSIX::strftime('%Y-%m-%d %H:%M', gmtime) . ' UTC',
        "$cores x " . ($model // 'unknown CPU'), "Linux " . (POSIX::uname())[2],
        'httpd ' . ($httpd // '?'), 'SQLite ' . ($sqlite // '?'),
        $nginx ? "nginx $nginx" : ());
    return join ', ', @parts;
}

1;
