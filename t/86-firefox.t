#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# The extension in Debian's Firefox, from the same sources; its whole story is
# in t/85-extension.t.

use strict;
use warnings;
use Mailtrack::Browser;
use Mailtrack::Test;

my $missing = Mailtrack::Browser::missing()
  // (-x '/usr/bin/firefox-esr' ? undef : 'no firefox-esr');
plan skip_all => $missing if $missing;

my $t = Mailtrack::Test->new(config => "RemoteIPHeader X-Forwarded-For\n"
      . "RemoteIPInternalProxy 127.0.0.1/8\n");
$t->{key} = $t->make_key('extension', 'track');
Mailtrack::Browser::run($t, '../extension/firefox.mjs');

done_testing;
