# SPDX-License-Identifier: MIT
# Real input: a real browser displays a real HTML mail, and the open with that
# browser's own words about itself is in the API within a second. Once with the
# mail in a file, once after it went through Postfix into a Dovecot mailbox and
# was read back by IMAP.
use Mailtrack::Test;
use File::Path ();
use File::Temp ();
use IO::Socket::INET;
use IO::Socket::SSL ();
use MIME::QuotedPrint qw(decode_qp encode_qp);
use Net::SMTP;

my ($chromium) = grep { -x } qw(/usr/bin/chromium /usr/bin/chromium-browser);
plan skip_all => 'no chromium on this machine' unless $chromium;

my $t = Mailtrack::Test->new(min_delay => '1s');
my $dir = File::Temp::tempdir(CLEANUP => 1);
my $mails = 0;

sub html_of {
    my ($track) = @_;
    return "<!doctype html><html><body><h1>The offer</h1>"
      . "<p>Dear Ann, \x{c3}\x{a4} = 100 %.</p>"
      . qq(<img src="$track->{pixel_url}" width="1" height="1" alt="">)
      . "</body></html>\n";
}

# Chromium displays the page; its loading is over when it prints the DOM.
sub display {
    my ($html, @option) = @_;
    my $file = "$dir/mail-" . ++$mails . '.html';
    open my $out, '>', $file or die "$file: $!";
    print $out $html;
    close $out or die "$file: $!";
    my $profile = File::Temp::tempdir(CLEANUP => 1);
    my ($status, $dom) = Mailtrack::Proc::run_command('', {}, 'timeout', 60,
        $chromium, '--headless', '--no-sandbox', '--disable-gpu',
        '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync',
        "--user-data-dir=$profile", @option, '--dump-dom', "file://$file");
    like $dom // '', qr/The offer/, 'Chromium displayed the mail';
    return;
}

sub opens_of {
    my ($track) = @_;
    return $t->get("/api/tracks/$track->{id}")->{json};
}

# The one open of a mail, in the API within a second of the display.
sub one_open {
    my ($track, $what) = @_;
    ok $t->wait_for(sub { opens_of($track)->{open_count} == 1 }, 1),
      "$what: in the API within a second";
    my $now = opens_of($track);
    is scalar @{ $now->{opens} }, 1, "$what: once";
    return ($now->{opens}[0], $now);
}

subtest 'a mail in a browser' => sub {
    my $track = $t->create(subject => 'As a file');
    sleep 2;    # MailtrackMinDelay is 1 s here
    display(html_of($track));
    my ($open) = one_open($track, 'headless');
    like $open->{user_agent}, qr{HeadlessChrome/\d+},
      'with the words of Chromium itself';
    is $open->{verdict}, 'bot', 'which calls itself headless: a bot';
    ok !$open->{is_real_open}, 'no real open';
};

subtest 'a mail in a browser that a person sits at' => sub {
    my $track = $t->create(subject => 'By a person');
    my $agent = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 '
      . '(KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36';
    sleep 2;
    display(html_of($track), "--user-agent=$agent");
    my ($open, $now) = one_open($track, 'Chrome');
    is $open->{user_agent}, $agent, 'its user agent';
    is $open->{verdict}, 'human', 'a person';
    is $now->{state}, 'opened', 'the mail is opened';
};

subtest 'through Postfix and Dovecot' => sub {
    plan skip_all => 'a mail system needs root' if $> != 0;
    plan skip_all => 'no postfix or dovecot on this machine'
      unless -x '/usr/sbin/postfix' && -x '/usr/sbin/dovecot';
    my $stack = File::Temp::mkdtemp('/tmp/mt-mail-XXXXXX');
    chmod 0755, $stack;
    my $script = Mailtrack::Test::source_dir() . '/t/lib/mailstack';
    my ($status, undef, $words) =
      Mailtrack::Proc::run_command('', {}, 'sh', $script, 'start', $stack);
    is $status, 0, 'the mail system starts' or diag $words;
    my $result = eval { mail_round($stack); 1 };
    diag $@ unless ok $result, 'the mail went round';
    Mailtrack::Proc::run_command('', {}, 'sh', $script, 'stop', $stack);
    File::Path::remove_tree($stack);
};

sub mail_round {
    my ($stack) = @_;
    my %at;
    open my $env, '<', "$stack/env" or die "$stack/env: $!";
    while (<$env>) { $at{$1} = $2 if /^(\w+)=(.*)$/ }
    my $track = $t->create(recipient => 'Box One <box1@mail.test>',
        subject => 'By mail');
    my $smtp = Net::SMTP->new(host_of($at{smtp}), Port => port_of($at{smtp}),
        Hello => 'localhost', Timeout => 20) or die "SMTP: $@";
    $smtp->mail('sender@mail.test') or die 'MAIL: ' . $smtp->message;
    $smtp->to('box1@mail.test') or die 'RCPT: ' . $smtp->message;
    $smtp->data("From: sender\@mail.test\nTo: box1\@mail.test\n"
          . "Subject: The offer\nMIME-Version: 1.0\n"
          . "Content-Type: text/html; charset=utf-8\n"
          . "Content-Transfer-Encoding: quoted-printable\n\n"
          . encode_qp(html_of($track))) or die 'DATA: ' . $smtp->message;
    $smtp->quit;
    sleep 2;
    my $mail = read_mail(\%at) // die 'no mail in the mailbox';
    like $mail, qr/^Received:/m, 'it was delivered';
    my ($body) = $mail =~ /\r?\n\r?\n(.*)\z/s;
    display(decode_qp($body));
    my ($open) = one_open($track, 'by mail');
    like $open->{user_agent}, qr/Chrome/, 'with the words of Chromium itself';
    return;
}

sub host_of { return $_[0] =~ /^(.*):\d+$/ ? $1 : '127.0.0.1' }
sub port_of { return $_[0] =~ /(\d+)$/ ? $1 : die "no port in $_[0]" }

# IMAP as it is spoken: log in, wait for the mail, fetch it whole.
sub read_mail {
    my ($at) = @_;
    my $imap = IO::Socket::SSL->new(PeerHost => host_of($at->{imaps}),
        PeerPort => port_of($at->{imaps}), SSL_ca_file => $at->{ca},
        SSL_verifycn_name => 'localhost', Timeout => 20)
      or die "IMAP: $! $IO::Socket::SSL::SSL_ERROR";
    my $tag = 0;
    my $ask = sub {
        my $mine = 'x' . ++$tag;
        print $imap "$mine @_\r\n";
        my $answer = '';
        while (my $line = <$imap>) {
            return $answer if $line =~ /^$mine OK/;
            die "IMAP: $line" if $line =~ /^$mine /;
            $answer .= $line;
        }
        die 'IMAP: closed';
    };
    <$imap>;
    $ask->('LOGIN box1@mail.test secret1');
    my $mail;
    Mailtrack::Proc::wait_until(sub {
        $ask->('SELECT INBOX') =~ /\* (\d+) EXISTS/ && $1 > 0
          or return 0;
        my $fetched = $ask->('FETCH 1 BODY[]');
        ($mail) = $fetched =~ /\{\d+\}\r\n(.*)\r?\n?\)\r\n\z/s;
        return defined $mail;
    }, 20);
    $ask->('LOGOUT');
    return $mail;
}

done_testing;
