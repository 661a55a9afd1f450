#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# The browser extension: its pure parts, Mozilla's linter, and its story in a
# real browser with a Gmail of our own (t/extension).

use strict;
use warnings;
use File::Path ();
use File::Temp ();
use IO::Uncompress::Unzip qw($UnzipError);
use JSON::PP ();
use Mailtrack::Browser;
use Mailtrack::Proc qw(run_command);
use Mailtrack::Test;

my $source = Mailtrack::Test::source_dir();
my $missing = Mailtrack::Browser::missing();
plan skip_all => $missing if $missing;

subtest 'pure parts' => sub {
    for my $test (glob "$source/t/extension/*.test.mjs") {
        my ($exit, $out, $err) = run_command('', {}, 'node', '--test',
            '--test-reporter=tap', $test);
        my ($count) = $out =~ /^# pass (\d+)/m;
        is $exit, 0, $test =~ s{.*/}{}r or diag $out . $err;
        cmp_ok $count // 0, '>', 0, 'has tests';
    }
};

sub slurp {
    my ($path) = @_;
    open my $in, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar <$in>;
}

# {name => text}
sub unzipped {
    my ($path) = @_;
    my $zip = IO::Uncompress::Unzip->new($path) or die "$path: $UnzipError";
    my %text;
    do {
        local $/;
        $text{ $zip->getHeaderInfo->{Name} } = <$zip> // '';
    } while $zip->nextStream > 0;
    return %text;
}

my $zips = File::Temp::tempdir(CLEANUP => 1);
subtest 'the zips' => sub {
    my ($exit, $out, $err) = run_command('', {}, 'perl',
        "$source/extension/zips", $zips);
    is $exit, 0, 'are made' or diag $out . $err;
    my %bytes = map { $_ => slurp("$zips/mailtrack-$_.zip") }
      qw(chromium firefox);
    run_command('', { TZ => 'Asia/Tokyo' }, 'perl', "$source/extension/zips",
        $zips);
    is slurp("$zips/mailtrack-$_.zip"), $bytes{$_}, "$_: always the same bytes"
      for sort keys %bytes;
    my ($version) = slurp("$source/configure.ac") =~
      /AC_INIT\(\[mailtrack\], \[([^\]]+)\]/;
    for my $browser (sort keys %bytes) {
        my %text = unzipped("$zips/mailtrack-$browser.zip");
        my $manifest = JSON::PP::decode_json($text{'manifest.json'});
        is $manifest->{version}, $version, "$browser: the version of this build";
        is_deeply [sort keys %{ $manifest->{background} }],
          [$browser eq 'firefox' ? qw(scripts type) : qw(service_worker type)],
          "$browser: the background it knows";
        my @named = ($manifest->{background}{service_worker} //
              @{ $manifest->{background}{scripts} },
            $manifest->{action}{default_popup}, $manifest->{options_ui}{page},
            values %{ $manifest->{icons} },
            map { @{ $_->{js} }, @{ $_->{css} // [] } }
              @{ $manifest->{content_scripts} });
        is_deeply [grep { !exists $text{$_} } @named], [],
          "$browser: every file the manifest names";
        is_deeply [grep { m{^README|^zips$|~$} } keys %text], [],
          "$browser: and nothing for us alone";
        is_deeply $manifest->{host_permissions}, ['https://mail.google.com/*'],
          "$browser: at first it may reach Gmail alone";
    }
};

# addons-linter wants node 20. Firefox learnt of the data_collection_permissions
# that the linter wants after 128, which it says as well: nothing pleases it.
subtest 'Mozilla finds nothing' => sub {
    my ($major) = `node --version` =~ /^v(\d+)/;
    plan skip_all => "node $major is too old for web-ext" if $major < 20;
    my $failed = Mailtrack::Browser::libraries('extension', 'web-ext');
    is $failed, undef, 'web-ext is there' or return;
    my $dir = "$zips/firefox";
    my %text = unzipped("$zips/mailtrack-firefox.zip");
    for my $name (sort keys %text) {
        File::Path::make_path("$dir/$name" =~ s{/[^/]*$}{}r);
        open my $out, '>:raw', "$dir/$name" or die "$name: $!";
        print {$out} $text{$name};
        close $out or die "$name: $!";
    }
    my ($exit, $out, $err) = run_command('', {}, 'node',
        Mailtrack::Test::build_dir() . '/web-ext/node_modules/.bin/web-ext',
        'lint', '--source-dir', $dir, '--no-config-discovery', '--output',
        'json');
    my $said = eval { JSON::PP::decode_json($out) };
    ok $said, 'it has looked' or diag $out . $err;
    is_deeply [map { "$_->{code} $_->{message}" } @{ $said->{errors} },
        @{ $said->{notices} }, grep {
            $_->{code} !~ /^KEY_FIREFOX_(?:ANDROID_)?UNSUPPORTED_BY_MIN_VERSION$/
              || $_->{description} !~ /\.data_collection_permissions"/
        } @{ $said->{warnings} }], [], 'nothing to complain of';
};

my $t = Mailtrack::Test->new(config => "RemoteIPHeader X-Forwarded-For\n"
      . "RemoteIPInternalProxy 127.0.0.1/8\n");
$t->{key} = $t->make_key('extension', 'track');
Mailtrack::Browser::run($t, '../extension/run.mjs');

subtest 'set up from the dashboard' => sub {
    my $site = Mailtrack::Browser::server(base_path => '/mail');
    Mailtrack::Browser::add_user($site, 'admin', '--role', 'admin');
    for my $browser (qw(chromium firefox)) {
        my $got = $site->get("/extension/mailtrack-$browser.zip", key => undef);
        is $got->{content}, slurp("$zips/mailtrack-$browser.zip"),
          "the dashboard gives the $browser zip";
    }
    is $site->get('/extension/', key => undef)->{status}, 404, 'and no list';
    Mailtrack::Browser::run($site, '../extension/setup.mjs');
};

done_testing;
