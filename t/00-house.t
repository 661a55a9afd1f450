#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# The rules of the house that a script can see: which room may include what,
# that everything is built and shipped, that scripts parse, and that the module
# shows httpd its record alone.

use strict;
use warnings;
use File::Find ();
use Test::More;

my $source = $ENV{MAILTRACK_SOURCE} // '.';
my $build  = $ENV{MAILTRACK_BUILD}  // "$source/build/test";
chdir $source or die "$source: $!";

sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!";
    local $/;
    return scalar(<$file>) // '';
}

# What git would keep; without git (a tarball) what is no product of a build.
sub tree {
    my @found = -e '.git' && !system('command -v git >/dev/null')
      ? `git ls-files -co --exclude-standard` : ();
    chomp @found;
    return grep { -f } @found if @found;
    my %skip = map { $_ => 1 }
      qw(.git .deps .libs build run m4 autom4te.cache node_modules vendor build-aux);
    File::Find::find({ no_chdir => 1,
        preprocess => sub { grep { !$skip{$_} } @_ },
        wanted => sub { push @found, s{^\./}{}r if -f } }, '.');
    return grep { !/^(?:configure|config|aclocal|Makefile(?!\.am)|libtool|stamp)/
          && !/_sql\.c$|\.(?:l?o|la|log|trs)$|-t$/ } @found;
}

# Each test below collects what breaks its rule; an empty list passes.
sub none {
    my ($rule, @faults) = @_;
    ok !@faults, $rule or diag join "\n", @faults;
}

my @tree = sort(tree());
my @c = grep { /\.[ch]$/ } @tree;
cmp_ok scalar @c, '>', 10, 'there is a house to look at';
my %text = map { $_ => slurp($_) } @tree;

# -- who may include what ---------------------------------------------------

my %includes = map {
    my $path = $_;
    $path => [ $text{$path} =~ /^\s*#\s*include\s+[<"]([^>"]+)[>"]/mg ]
} @c;

sub breaking {
    my ($files, $headers, $allowed) = @_;
    my @faults;
    for my $path (grep { /$files/ && !/$allowed/ } @c) {
        push @faults, map { "$path includes $_" }
          grep { /$headers/ } @{ $includes{$path} };
    }
    return @faults;
}

my $never = qr/\A(?!)/;
my $httpd = qr/^(?:httpd|http_\w+|ap_\w+|util_\w+|mod_dbd|mod_watchdog
  |mod_core|mod_ssl\w*|scoreboard|mpm_common)\.h$/x;
none 'the store knows no httpd, curl, yaml or maxminddb',
  breaking(qr{^sql/}, qr{$httpd|^curl/|^yaml\.h$|^maxminddb}, $never);
none 'the store includes no other room',
  breaking(qr{^sql/}, qr{mod_mailtrack/|mailprobe/|opens/|api/}, $never);
none 'the store does no logging', map { "$_ logs" }
  grep { m{^sql/} && $text{$_} =~ /\bap_log_|\bsyslog\s*\(|\bstderr\b/ } @c;
none 'httpd headers stay in the module',
  breaking(qr{.}, $httpd, qr{^mod_mailtrack/(?!ctl/)});
none 'curl is for mailprobe and for downloads of mailtrackctl',
  breaking(qr{.}, qr{^curl/}, qr{^(?:mailprobe|mod_mailtrack/ctl)/});
none 'apr_dbd and mod_dbd are seen by the store and one file of the module',
  breaking(qr{.}, qr{^(?:apr_dbd|mod_dbd)\.h$},
    qr{^sql/|^mod_mailtrack/dbd\.[ch]$|^t/unit/});
none 'the place database has one reader in each program',
  breaking(qr{.}, qr{^maxminddb},
    qr{^mod_mailtrack/opens/geo\.c$|^mailprobe/mmdb\.c$|^t/});
none 'the module and the daemon do not include each other',
  breaking(qr{^mod_mailtrack/}, qr{mailprobe/}, $never),
  breaking(qr{^mailprobe/}, qr{mod_mailtrack/|opens/|api/}, $never);
none 'no file includes a .c file', breaking(qr{.}, qr{\.c$}, $never);

# Every header of ours a file reaches, through other headers too.
sub reach {
    my (@todo) = @_;
    my %seen;
    while (defined(my $path = shift @todo)) {
        next if $seen{$path}++;
        for my $name (@{ $includes{$path} // [] }) {
            push @todo, grep { $_ eq $name || m{/\Q$name\E$} } @c;
        }
    }
    return sort keys %seen;
}
my @hot = grep { m{^mod_mailtrack/opens/(?:pixel|spool)\.[ch]$} } @c;
for my $path (@hot) {
    none "$path reaches no store header", grep { m{^sql/} } reach($path);
}

# -- everything is built, shipped and labelled ------------------------------

my $makefile = $text{'Makefile.am'};
none 'Makefile.am lists every source', map { "$_ is not in Makefile.am" }
  grep { $makefile !~ /(?<![\w.\/-])\Q$_\E(?![\w.\/-])/ } @c;
none 'Makefile.am lists no source that is not there',
  map { "$_ is in Makefile.am alone" }
  grep { !-e && $makefile !~ /^\s*nodist_\w+ = \Q$_\E$/m }
  $makefile =~ m{(?<![\w./-])((?:sql|mod_mailtrack|mailprobe|t)/[\w/-]+\.[ch])\b}g;

my @labelled = grep {
    m{\.(?:[ch]|pm|t|am|ac|awk|sql|conf|sh|js|css|html)$|^conf/[^/.]+$
      |^conf/.*\.yaml$|^t/run$|^\.ci/run$|^t/lib/[a-z]+$|^t/bench/[a-z]+$}x
} @tree;
none 'every source says its licence', map { "$_: no SPDX line" }
  grep { join('', (split /^/, $text{$_})[0 .. 4]) !~ /SPDX-License-Identifier: MIT/ }
  grep { -s } @labelled;

my $outside = join '|', map { quotemeta } '../' . 'shared', '/' . 'work/',
  'DESIGN' . '.md', 'FACTS' . '.md', '/tmp' . '/mt/', 'shared' . '/class';
none 'nothing speaks of places outside of this tree', map {
    my $path = $_;
    map { "$path:$_->[0]: $_->[1]" } lines_matching($path, qr/$outside/)
} grep { -T } @tree;
my $unfinished = join '|', 'TO' . 'DO', 'FIX' . 'ME', 'XX' . 'X:';
none 'nothing is marked as unfinished', map {
    my $path = $_;
    map { "$path:$_->[0]: $_->[1]" } lines_matching($path, qr/\b(?:$unfinished)/)
} @labelled;

sub lines_matching {
    my ($path, $pattern) = @_;
    my ($number, @found) = 0;
    for my $line (split /\n/, $text{$path}) {
        $number++;
        push @found, [ $number, $line ] if $line =~ $pattern;
    }
    return @found;
}

# -- the hand ---------------------------------------------------------------

none 'C has 80 columns, no tabs, no blanks at line ends', map {
    my $path = $_;
    map { "$path:$_->[0]: $_->[1]" }
      grep { my $line = $_->[1]; utf8::decode($line); $line =~ /^.{81}|\t|\s$/ }
      lines_matching($path, qr/.{81}|\t|\s$/)
} @c;

# Not judged, but said: what is getting long.
for my $path (grep { /\.c$/ } @c) {
    my $lines = $text{$path} =~ tr/\n//;
    diag "$path has $lines lines" if $lines > 450;
    my ($start, $name, $number, $last) = (0, '', 0, '');
    for my $line (split /\n/, $text{$path}) {
        $number++;
        ($start, $name) = ($number, $last) if $line eq '{';
        if ($line eq '}' && $start) {
            my $size = $number - $start - 1;
            diag "$path:$start: $size lines: $name" if $size > 60;
            $start = 0;
        }
        $last = $line if $line =~ /^\w.*\(/;
    }
}

# -- scripts parse ----------------------------------------------------------

my %checker = (sh => [qw(sh -n)], bash => [qw(bash -n)],
    perl => [qw(perl -It/lib -c)]);
for my $path (@tree) {
    my ($kind) = $text{$path} =~ m{^#!\s*\S*?/(?:env )?(sh|bash|perl)\b}
      or $path =~ /\.pm$/ or next;
    my @command = (@{ $checker{ $kind && $kind ne '1' ? $kind : 'perl' } });
    my $said = qx{@command '$path' 2>&1};
    is $?, 0, "$path parses" or diag $said;
}

# awks differ in what backslashes mean, and a bare Debian has mawk
for my $awk (grep { !system "command -v $_ >/dev/null" } qw(awk mawk gawk)) {
    my $c = qx{printf '%s\\n' 'a "b" \\" \\\\ &' |
      $awk -f sql/embed.awk mode=text name=x /dev/stdin};
    like $c, qr/\Q"a \"b\" \\\" \\\\ &\n"\E/, "$awk embeds text as C";
}

# -- the module's face ------------------------------------------------------

my ($module) = grep { -e } map { "$build/${_}.libs/mod_mailtrack.so" }
  '', 'mod_mailtrack/';
SKIP: {
    skip 'the module is not built', 1
      if !defined $module && $makefile !~ /mod_mailtrack\.la/;
    my @shown = map { (split)[-1] }
      grep { !/ __(?:odr_)?asan/ } `nm -D --defined-only '$module'`;
    is "@shown", 'mailtrack_module', 'the module exports its record alone';
}

done_testing;
