#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# A private PostgreSQL and MariaDB: the statement API (t/unit/engine-t stops and
# starts them as it goes), the schema, and each unit test of the store.

use strict;
use warnings;
use Cwd ();
use File::Path ();
use File::Temp ();
use Test::More;
use Mailtrack::Proc qw(run_command);

my $source = $ENV{MAILTRACK_SOURCE} // Cwd::getcwd();
my $build  = $ENV{MAILTRACK_BUILD}  // "$source/build/test";
my $test   = "$build/t/unit/engine-t";
my $owner  = $$;
my $dir    = File::Temp::mkdtemp(($ENV{TMPDIR} || '/tmp') . '/mt-XXXXXX')
  // die "mkdtemp: $!";
chmod 0755, $dir;

sub database {
    my (@args) = @_;
    my ($exit, $out, $err) =
      run_command('', {}, 'sh', "$source/t/lib/databases", $dir, @args);
    die "databases @args: $out$err" if $exit;
    chomp $out;
    return $out;
}

die "no $test: run sh t/run\n" if !-x $test;

my %running;
$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP ALRM);
alarm 600;
END {
    if ($$ == $owner) {
        my $status = $?;
        for my $kind (sort keys %running) {
            eval { database($kind, 'stop'); 1 } or print STDERR "# $@";
        }
        File::Path::remove_tree($dir, { error => \my $ignored });
        $? = $status;
    }
}

my %needs = (
    pgsql => [ qw(/usr/lib/postgresql/*/bin/initdb
          /usr/lib/*/apr-util-1/apr_dbd_pgsql*.so), 'postgresql' ],
    mysql => [ qw(/usr/bin/mariadb-install-db
          /usr/lib/*/apr-util-1/apr_dbd_mysql*.so), 'mariadb-server' ],
);
# libmariadb keeps what it allocated once until the process ends; leaks of ours
# are looked for where make check runs the same suite on SQLite
my %environment = (
    ASAN_OPTIONS => "detect_leaks=0",
    MAILTRACK_TEST_CONTROL => "sh '$source/t/lib/databases' '$dir'",
    TMPDIR                 => $dir,
);
for my $kind (sort keys %needs) {
    my ($server, $driver, $package) = @{ $needs{$kind} };
    if (grep { !grep { -e } glob } $server, $driver) {
        diag "no $package or libaprutil1-dbd-$kind: $kind is left out";
        next;
    }
    database($kind, 'make');
    $running{$kind} = 1;
    database($kind, 'start');
    $environment{ 'MAILTRACK_TEST_' . uc $kind } = database($kind, 'params');
}
plan skip_all => 'neither PostgreSQL nor MariaDB can be had' if !%running;

my ($exit, $out, $err) = run_command('', \%environment, $test);
my $suite = '';
my %count;
for my $line (split /\n/, $out) {
    $suite = $1 if $line =~ /^# (engine_\w+.*)/;
    if ($line =~ /^(not )?ok \d+ - (.*)/) {
        $count{$suite}++;
        fail "$suite: $2" if $1;
    }
    elsif ($line =~ /^#   /) {
        diag $line;
    }
}
is $exit, 0, 'engine-t ends well' or diag $err, substr $out, -2000;
like $out, qr/^1\.\.\d+$/m, 'with its plan';
is $err, '', 'and says nothing else';
for my $kind (sort keys %running) {
    my $name = { pgsql => 'PostgreSQL', mysql => 'MariaDB' }->{$kind};
    cmp_ok $count{"engine_dbd on $name"} // 0, '>', 150, "$name was tested";
}

# -- the store's own tests on each ------------------------------------------

# t/run reads here what it must build
my @suites = map { s{^unit/}{}r } qw(
  unit/forget-t unit/incidents-t unit/monitors-t unit/opens-t unit/outbox-t
  unit/probes-t unit/recipients-t unit/reports-t unit/tracks_list-t
  unit/users-t);
# these work with other processes or threads on a file of SQLite's
my %not_here = map { $_ => 1 } qw(deliver-t loop-t sharing-t);
is "@suites", join(' ', grep { !$not_here{$_} }
      map { m{([^/]+)\.c$} } grep { read_file($_) =~ /"fixture\.h"/ }
      sort glob "$source/t/unit/*-t.c"), "every suite of the store's is here";

for my $kind (sort keys %running) {
    my %on = (
        %environment,
        MAILTRACK_TEST_DRIVER => $kind,
        MAILTRACK_TEST_PARAMS => database($kind, 'params')
          . ($kind eq 'mysql' ? ',reconnect=0,flags=CLIENT_FOUND_ROWS' : ''),
    );
    for my $suite (@suites) {
        database($kind, 'empty');
        my ($exit, $out, $err) = run_command('', \%on, "$build/t/unit/$suite");
        is $exit, 0, "$suite on $kind"
          or diag join "\n", (grep { !/^ok/ } split /\n/, $out), $err;
        unlike $out, qr/^not ok/m, "$suite on $kind: each test";
    }
    is join(' ', columns($kind)), join(' ', columns('sqlite')),
      "$kind has SQLite's tables and columns";
}

sub read_file {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!";
    local $/ = undef;
    return scalar <$file>;
}

# TABLE.COLUMN of the schema, as the migrations' texts have them.
sub columns {
    my ($engine) = @_;
    my %has;
    for my $path (sort glob "$source/sql/$engine/*.sql") {
        my $sql = read_file($path) =~ s/--.*//gr;
        while ($sql =~ /CREATE TABLE (\w+) \((.*?)\n\)/gs) {
            my ($table, $inside) = ($1, $2);
            $has{"$table.$_"} = 1
              for grep { !/^(?:PRIMARY|UNIQUE|FOREIGN|CHECK)$/ }
              $inside =~ /^\s+(\w+) \S/mg;
        }
        $has{"$1.$2"} = 1
          while $sql =~ /ALTER TABLE (\w+)\s+ADD COLUMN (\w+)/g;
        delete $has{"$1.$2"}
          while $sql =~ /ALTER TABLE (\w+)\s+DROP COLUMN (\w+)/g;
    }
    return sort grep { !/^sqlite_/ } keys %has;
}

done_testing;
