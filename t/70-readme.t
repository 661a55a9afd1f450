# SPDX-License-Identifier: MIT
# What README says is true: its commands, pasted, end in a counted open; its
# tables name the directives and routes that the code has, and no others.
use Mailtrack::Test;
use File::Temp ();

sub slurp {
    my ($name) = @_;
    open my $in, '<', Mailtrack::Test::source_dir() . "/$name"
      or die "$name: $!";
    local $/;
    return <$in>;
}

my $readme = slurp('README.md');

subtest 'the walk' => sub {
    my $t = Mailtrack::Test->new(
        modules => ['remoteip'],
        config  => "MailtrackMinDelay 5s\n"
          . "RemoteIPHeader X-Forwarded-For\n"
          . "RemoteIPInternalProxy 127.0.0.1/8\n");
    my ($walk) = $readme =~ /^## Try it.*?```sh\n(.*?)```/ms;
    ok $walk, 'README has a walk to paste' or return;
    my $dir = File::Temp::tempdir(CLEANUP => 1);
    mkdir "$dir/run" or die "$dir/run: $!";
    open my $out, '>', "$dir/run/credentials" or die "$dir: $!";
    print $out 'url=', $t->url(''), "\nusername=admin\npassword=none\n",
      'api_key=', $t->key, "\n";
    close $out or die "$dir: $!";
    my ($status, $said, $words) = Mailtrack::Proc::run_command('', {}, 'sh',
        '-ec', "cd '$dir'\n$walk");
    is $status, 0, 'every command of it works' or diag $words;
    my ($last) = $said =~ /\}\s*(\{.*\})\s*\z/s;
    my $track = eval { JSON::PP->new->utf8->decode($last // $said) };
    ok $track, 'it ends with a mail as JSON' or diag $said;
    is $track->{real_open_count}, 1, 'one real open';
    is $track->{state}, 'opened', 'the mail is opened';
    is $track->{opens}[0]{ip_address}, '198.51.100.7', 'from that address';
    is $track->{opens}[0]{verdict}, 'human', 'by a person';
    my ($gif) = (stat "$dir/pixel.gif")[7];
    is $gif, 43, 'the picture has 43 bytes';
};

subtest 'directives' => sub {
    my %in_code = map { $_ => 1 }
      slurp('mod_mailtrack/directives.c') =~ /AP_INIT_\w+\("(Mailtrack\w+)"/g;
    for my $file ('README.md', 'conf/mailtrack.conf') {
        my %here = map { $_ => 1 } slurp($file) =~ /\b(Mailtrack[A-Z]\w+)/g;
        is_deeply [sort keys %here], [sort keys %in_code],
          "$file names those that exist";
    }
};

subtest 'routes' => sub {
    my $api = JSON::PP->new->utf8->decode(
        slurp('mod_mailtrack/api/openapi.json'));
    my ($table) = $readme =~ /^## API\n(.*?)^## /ms;
    my %here;
    for my $row (split /\n/, $table) {
        my ($routes) = $row =~ /^\| (`.*?) \|/ or next;
        for my $route ($routes =~ /`([^`]+)`/g) {
            my ($head, $names, $tail) = $route =~ /^(.*)\{(\w+(?:,\w+)+)\}(.*)/;
            $here{$_} = 1 for $names
              ? map { "$head$_$tail" } split(/,/, $names) : $route;
        }
    }
    delete $here{'/p/{id}.gif'};
    is_deeply [sort keys %here], [sort keys %{ $api->{paths} }],
      'README names those of openapi.json';
};

done_testing;
