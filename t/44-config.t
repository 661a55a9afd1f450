#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# What configtest finds: every directive's wrong values, a wrong rules file by
# file and line, a spool that cannot be used, a store that is not named; each
# with the directive and the way out. And what it must not mind.

use Mailtrack::Test;
use Mailtrack::Proc qw(run_command);

my $t = Mailtrack::Test->new(start => 0);

sub refused {
    my ($what, $lines, @words) = @_;
    my ($exit, $said) = $t->config_test($lines);
    isnt $exit, 0, "$what: refused";
    like $said, $_, "$what: says why" for @words;
}

sub taken {
    my ($what, $lines) = @_;
    my ($exit, $said) = $t->config_test($lines);
    is $exit, 0, "$what: taken" or diag $said;
}

taken('as it is', '');

# -- one directive ------------------------------------------------------------

my %bad = (
    MailtrackEngine => [ qr/On or Off/, qw(Maybe 2) ],
    MailtrackAnonymizeIP => [ qr/On or Off/, qw(yes 1) ],
    MailtrackBaseURL => [ qr{https://track\.example\.org}, qw(example.org
        ftp://example.org //example.org http:// https:///path
        http://user:pw@example.org http://example.org/?a=b
        http://example.org/a%20b http://example.org/a//b
        http://example.org/../b), '"http://exa mple.org"',
        '"http://example.org/#top"',
        qw(http://ex_ample.org:0 http://h:99999 http://h:x http://a@b/) ],
    MailtrackPixelPath => [ qr/letters, digits/, qw(/ . .. a/../b a//b api
        api/p health p?x p%20 $x), '"a b"' ],
    MailtrackSpool => [ qr/./, '""', '/' . 'x' x 4000 ],
    MailtrackRules => [ qr/./, '""', '/nonexistent/rules.yaml', '/tmp' ],
    MailtrackGeoIP => [ qr/takes one argument/, '""' ],
    MailtrackSpoolSync => [ qr/'interval' or 'always'/, qw(never On 1s) ],
    MailtrackSpoolLimit => [ qr/500M or 1G/, qw(0 -1 1K 65535 lots 1X 1GG
        99999999999999999999999 9999999T), '" 1G"' ],
    MailtrackMinDelay => [ qr/5s or 500ms/, qw(-1 -5s 5y 2h 3601 soon) ],
);
for my $name (sort keys %bad) {
    my ($way, @values) = @{ $bad{$name} };
    for my $value (@values) {
        my $short = length $value > 40 ? substr($value, 0, 20) . '...' : $value;
        refused("$name $short", "$name $value", qr/$name/, $way);
    }
    refused("$name alone", $name, qr/$name/);
    refused("$name twice over", "$name a b", qr/$name/);
    refused("$name in a directory", "<Location />\n$name On\n</Location>",
        qr/$name/);
}
taken($_, $_) for 'MailtrackMinDelay 0', 'MailtrackMinDelay 500ms',
  'MailtrackMinDelay 1min', 'MailtrackMinDelay 3600', 'MailtrackSpoolLimit 64K',
  'MailtrackSpoolLimit 4T', 'MailtrackSpoolLimit 1g',
  'MailtrackSpoolSync Always', 'MailtrackPixelPath a/b/c',
  'MailtrackPixelPath /px/', 'MailtrackBaseURL HTTPS://Example.ORG/mail/',
  'MailtrackBaseURL http://[::1]:8080', 'MailtrackGeoIP /nonexistent.mmdb',
  'DBDParams /nonexistent/store.db';

# -- what is missing ----------------------------------------------------------

sub vhost {
    my (%line) = @_;
    my %all = (Engine => 'MailtrackEngine On',
        BaseURL => 'MailtrackBaseURL http://other.example.org',
        Spool => "MailtrackSpool $t->{dir}/spool2",
        Rules => 'MailtrackRules @SOURCE@/conf/classify.yaml',
        Driver => 'DBDriver sqlite3', Params => 'DBDParams @STORE@', %line);
    return "</VirtualHost>\n<VirtualHost *:\@PORT\@>\nServerName other\n"
      . join("\n", map { $all{$_} } sort keys %all) . "\n";
}

taken('a second host', vhost());
refused('no base URL', vhost(BaseURL => ''), qr/other.*MailtrackBaseURL/,
    qr{https://track\.example\.org});
refused('no driver', vhost(Driver => ''), qr/other.*DBDriver sqlite3/,
    qr/mailtrack\.db/);
refused('no store', vhost(Params => ''), qr/other.*DBDParams/);

# -- spools -------------------------------------------------------------------

taken('a spool that can be made', vhost());
refused('a spool in a place that is not there',
    vhost(Spool => 'MailtrackSpool /nonexistent/spool'),
    qr{MailtrackSpool /nonexistent/spool}, qr/install -d/);
refused('a file for a spool', vhost(Spool => 'MailtrackSpool /etc/passwd'),
    qr{MailtrackSpool /etc/passwd}, qr/install -d/);
mkdir "$t->{dir}/closed", 0500;
chmod 0500, "$t->{dir}/closed";
refused("a spool that httpd's user may not write in",
    vhost(Spool => 'MailtrackSpool @DIR@/closed'),
    qr{MailtrackSpool \S+/closed}, qr/install -d/);
mkdir "$t->{dir}/private", 0700;
mkdir "$t->{dir}/private/spool";
chmod 0777, "$t->{dir}/private/spool";
SKIP: {
    skip 'only for root is another user httpd', 3 if $> != 0;
    refused("a spool in a place that httpd's user may not enter",
        vhost(Spool => 'MailtrackSpool @DIR@/private/spool'),
        qr{MailtrackSpool \S+/private/spool}, qr/install -d/);
}
my $same = "MailtrackSpool $t->{dir}/spool";
taken('two hosts that share all', vhost(Spool => $same)
    . "MailtrackMinDelay 0\n");
refused('one spool for two stores', vhost(Spool => $same,
    Params => 'DBDParams @DIR@/other.db'), qr/MailtrackSpool.*DBDParams/s,
    qr/a spool of its own/);
refused('one spool under two names', vhost(Spool => "$same/./",
    Params => 'DBDParams @DIR@/other.db'), qr/a spool of its own/);
symlink "$t->{dir}/spool", "$t->{dir}/link";
refused('one spool by a link', vhost(Spool => 'MailtrackSpool @DIR@/link',
    Params => 'DBDParams @DIR@/other.db'), qr/a spool of its own/);
refused('one spool with two delays', vhost(Spool => $same)
    . "MailtrackMinDelay 7\n", qr/a spool of its own/);

# -- rules files --------------------------------------------------------------

sub rules {
    my ($text) = @_;
    open my $file, '>', "$t->{dir}/rules.yaml" or die;
    print {$file} $text;
    close $file;
    return 'MailtrackRules @DIR@/rules.yaml';
}

open my $file, '<', Mailtrack::Test::source_dir() . '/conf/classify.yaml' or die;
my @lines = <$file>;
my $sound = join '', @lines;
symlink Mailtrack::Test::source_dir() . '/conf/lists', "$t->{dir}/lists";
taken('the rules as they are', rules($sound));
my $count = () = $sound =~ /\n/g;
my $last = $count + 1;
refused('an unknown key', rules("${sound}flavour: sweet\n"),
    qr{rules\.yaml:$last: }, qr/flavour/, qr/MailtrackRules/, qr/expected/);
my ($at, $n) = (0, 0);
for (@lines) {
    $at++;
    next if !/^(\s*(?:- )?)kind:\s*(\w+)/;
    my $kind = $2;
    my @changed = @lines;
    $changed[ $at - 1 ] =~ s/kind:\s*\w+/kind: martian/;
    refused("a bad kind in line $at", rules(join '', @changed),
        qr{rules\.yaml:$at: .*martian}, qr/expected/);
    last if ++$n == 3;
}
($at, $n) = (0, 0);
for (@lines) {
    $at++;
    next if !m{\d+\.\d+\.\d+\.\d+/\d+};
    my @changed = @lines;
    $changed[ $at - 1 ] =~ s{(\d+\.\d+\.\d+\.\d+)/\d+}{$1/99};
    refused("a bad network in line $at", rules(join '', @changed),
        qr{rules\.yaml:$at: .*/99}, qr/expected/);
    last if ++$n == 3;
}
refused('no rules at all', rules(''), qr/rules\.yaml/);
refused('no YAML', rules("a: [b\nc: {\n"), qr/rules\.yaml:\d+: /);
refused('bytes', rules("\0\xff\xfe\x01" x 100), qr/rules\.yaml/);

# -- a reload with a mistake --------------------------------------------------

$t->start;
my ($id) = $t->mails(1);
is $t->hit($id), 200, 'a spool with a link beside it';
ok $t->drained, 'works';
$t->stop;
my $made = "$t->{dir}/made";
$t->{config} = "MailtrackSpool $made";
$t->start;
$t->hit($id);
ok -d $made, 'a spool that is not there is made';
ok $t->drained(10, spool => $made), 'and used';
is +($t->sql('SELECT count(*) AS n FROM opens'))[0]{n}, 2, 'two hits';

done_testing;
