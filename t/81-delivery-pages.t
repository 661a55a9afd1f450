#!/usr/bin/perl
# SPDX-License-Identifier: MIT
# The delivery pages in a real browser; see t/browser/delivery.mjs. The store
# holds what mailprobe would have written.

use strict;
use warnings;
use Mailtrack::Browser;
use Mailtrack::Routes;
use Mailtrack::Test;

my $missing = Mailtrack::Browser::missing();
plan skip_all => $missing if $missing;

my $t = Mailtrack::Browser::server();
Mailtrack::Browser::add_user($t, 'admin', '--role', 'admin');
Mailtrack::Browser::add_user($t, 'viewer', '--role', 'user');
Mailtrack::Routes::fill($t);
Mailtrack::Browser::run($t, 'delivery.mjs', store => $t->store);

done_testing;
