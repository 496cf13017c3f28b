/* test_ssh_parts.c - targets, known hosts, key files, digests: no server. */
#include "unit.h"

#include <libssh2.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scratch.h"
#include "src/common/digest.h"
#include "src/common/file.h"
#include "src/common/text.h"
#include "src/host/ssh_key.h"
#include "src/host/ssh_known.h"
#include "src/host/ssh_target.h"

/* --- targets --- */

static void test_url(void)
{
    static const struct {
        const char *url, *host, *user;
        int port;
    } good[] = {
        {"ssh://pi@sensor-7", "sensor-7", "pi", 22},
        {"ssh://pi@sensor-7:2222/", "sensor-7", "pi", 2222},
        {"slurm+ssh://me@login.site", "login.site", "me", 22},
        {"ssh://me@[fe80::1]:2222", "fe80::1", "me", 2222},
    };
    static const struct {
        const char *url, *error;
    } bad[] = {
        {"ssh://", "'ssh://' is no SSH host; write ssh://[USER@]HOST[:PORT]"},
        {"ssh://me@host/path", "is no SSH host"},
        {"redis://host", "is no SSH host"},
        {"sssh://host", "is no SSH host"},
        {"ssh+x://host", "is no SSH host"},
        {"host", "is no SSH host"},
        {"ssh://me:secret@host", "a password is refused here"},
        {"ssh://-oProxyCommand=x", "odd characters"},
        {"ssh://a b", "odd characters"},
        {"", "empty"},
    };
    ssh_target t;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        CU_ASSERT_EQUAL(ssh_target_parse(good[i].url, NULL, &t, NULL), 0);
        UNIT_EQUAL(t.host, good[i].host);
        UNIT_EQUAL(t.name, good[i].host);
        UNIT_EQUAL(t.user, good[i].user);
        CU_ASSERT_EQUAL(t.port, good[i].port);
        ssh_target_clear(&t);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        pe_error e = {0};
        CU_ASSERT_EQUAL(ssh_target_parse(bad[i].url, NULL, &t, &e), -1);
        UNIT_CONTAINS(e.text, bad[i].error);
        CU_ASSERT_EQUAL(e.kind, PE_ERROR_INPUT);
        CU_ASSERT_EQUAL(e.exit_code, PE_EXIT_CONFIG);
        CU_ASSERT_PTR_NULL(host_open_ssh(bad[i].url, NULL, NULL));
    }
}

/* What `ssh -G` prints of a host, as one row. */
static void test_config(void)
{
    static const struct {
        const char *printed, *host, *user;
        int port;
        const char *identity, *known, *proxy;
    } rows[] = {
        {"", "far", "", 0, NULL, "/me/.ssh/known_hosts", NULL},
        {"host far\nhostname a.b\nport 7\nuser u\nidentityfile /k\n", "a.b",
         "u", 7, "/k", "/me/.ssh/known_hosts", NULL},
        {"identityfile ~/.ssh/k\n", "far", "", 0, "/me/.ssh/k",
         "/me/.ssh/known_hosts", NULL},
        {"user u\nhostname a\nidentityfile %d/%h/%r/%n/%%%x\n", "a", "u", 0,
         "/me/a/u/far/%x", "/me/.ssh/known_hosts", NULL},
        {"identityfile none\n", "far", "", 0, NULL, "/me/.ssh/known_hosts",
         NULL},
        {"identityfile ~/.ssh/id_rsa\nidentityfile ~/.ssh/id_ed25519_sk\n",
         "far", "", 0, NULL, "/me/.ssh/known_hosts", NULL},
        {"userknownhostsfile /root/.ssh/known_hosts /root/.ssh/known_hosts2\n",
         "far", "", 0, NULL, "/me/.ssh/known_hosts", NULL},
        {"userknownhostsfile /a b/c /d\n", "far", "", 0, NULL, "/a b/c", NULL},
        {"userknownhostsfile none\n", "far", "", 0, NULL,
         "/me/.ssh/known_hosts", NULL},
        {"proxycommand none\nproxyjump none\n", "far", "", 0, NULL,
         "/me/.ssh/known_hosts", NULL},
        {"proxycommand nc -x %n %h %p %r %% %q %\nport 7\nuser u\n", "far", "u",
         7, NULL, "/me/.ssh/known_hosts", "nc -x far far 7 u % %q %"},
        {"proxyjump me@a:5,b c\nport 7\nhostname fe80::1\n", "fe80::1", "", 7,
         NULL, "/me/.ssh/known_hosts",
         "ssh -o BatchMode=yes -o StrictHostKeyChecking=yes -F /dev/null -o "
         "'UserKnownHostsFile=\"/me/.ssh/known_hosts\"' -J me@a:5 -W "
         "'[fe80::1]:7' -- 'ssh://b c'"},
    };
    const ssh_homes homes = {"/me", "/root"};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ssh_target t = {.name = "far", .host = "far"};
        char *printed = strdup(rows[i].printed);
        t.folder = strdup("/me/.ssh");
        CU_ASSERT_EQUAL(ssh_target_config(&t, &homes, printed, NULL), 0);
        UNIT_EQUAL(t.host, rows[i].host);
        UNIT_EQUAL(t.user, rows[i].user);
        CU_ASSERT_EQUAL(t.port, rows[i].port);
        CU_ASSERT_EQUAL(t.n_identities, rows[i].identity ? 1 : 0);
        if (rows[i].identity && t.n_identities)
            UNIT_EQUAL(t.identities[0], rows[i].identity);
        UNIT_EQUAL(t.known_hosts, rows[i].known);
        UNIT_EQUAL(t.known[0], rows[i].known);
        UNIT_EQUAL(t.known[t.n_known - 1], "/etc/ssh/ssh_known_hosts");
        UNIT_EQUAL(t.proxy ? t.proxy : "direct",
                   rows[i].proxy ? rows[i].proxy : "direct");
        ssh_target_clear(&t);
        free(printed);
    }
}

/* What was named outright stays, and the rest has its words. */
static void test_config_order(void)
{
    const host_conf named = {.identity = "/named", .known_hosts = "/known"};
    char printed[] = "identityfile /1\nidentityagent $PILOT_TEST_AGENT\n"
                     "hostkeyalias h\nuserknownhostsfile /x\n"
                     "globalknownhostsfile /s1 /s2\n",
         passes[] = "proxycommand x\nproxyusefdpass yes\n";
    const ssh_homes homes = {"/me", "/me"};
    ssh_target t;
    pe_error e = {0};

    setenv("PILOT_TEST_AGENT", "/agent", 1);
    CU_ASSERT_EQUAL(ssh_target_parse("ssh://u@far:5", &named, &t, NULL), 0);
    CU_ASSERT_EQUAL(ssh_target_config(&t, &homes, printed, NULL), 0);
    UNIT_EQUAL(t.user, "u");
    CU_ASSERT_EQUAL(t.port, 5);
    CU_ASSERT_EQUAL(t.n_identities, 1);
    UNIT_EQUAL(t.identities[0], "/named");
    UNIT_EQUAL(t.known_hosts, "/known");
    UNIT_EQUAL(t.known[0], "/known");
    UNIT_EQUAL(t.known[t.n_known - 1], "/s2");
    UNIT_EQUAL(t.known_as, "h");
    UNIT_EQUAL(t.agent, "/agent");
    CU_ASSERT_EQUAL(ssh_target_config(&t, &homes, passes, &e), -1);
    UNIT_EQUAL(e.text, "far: ProxyUseFdpass is not possible here; write a "
                       "ProxyCommand that copies what it is given");
    ssh_target_clear(&t);
}

/* --- known hosts --- */

#define ED25519    \
    "ssh-ed25519 " \
    "AAAAC3NzaC1lZDI1NTE5AAAAIE+GLns0Imu8keRjEcnThjbom7Cpyjtoo8klzAC05SzK"
#define OTHER      \
    "ssh-ed25519 " \
    "AAAAC3NzaC1lZDI1NTE5AAAAICz5dQ886i4LcdK77WycS64fz0EwuLaX/8m4W8/WEo0X"
#define ECDSA                                                              \
    "ecdsa-sha2-nistp256 "                                                 \
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBDl6qT83kn9ubFIz" \
    "OFUCUMIM3aM2jYYyKZHSVPl6J1Ahko5dEwQK4c68LErqJS3mzlC+Kyx6MIHiW9ZvzzVZ" \
    "/lY="
#define HASHED "|1|iX8p16MykJ3S3y0UXWKPJUYzzN0=|farUoHQemtcZ8r52JpiXcS57RS8="
#define HASHED_PORT \
    "|1|jJXIzOWpZOelTFCwFlOXNAQqPVg=|oYW4xUDzv8oH8lkB1+q2dnfUFt8="

static void test_known(void)
{
    static const struct {
        const char *content;
        int port;
        enum ssh_known_verdict verdict;
        int line;
    } rows[] = {
        {"", 22, SSH_KNOWN_NONE, 0},
        {"login.site " ED25519 "\n", 22, SSH_KNOWN_MATCH, 1},
        {"login.site " ED25519, 22, SSH_KNOWN_MATCH, 1},
        {"Login.SITE\t" ED25519 " me@home\r\n", 22, SSH_KNOWN_MATCH, 1},
        {"other.site " ED25519 "\n", 22, SSH_KNOWN_NONE, 0},
        {"login.sit " ED25519 "\nlogin.sitex " ED25519 "\n", 22, SSH_KNOWN_NONE,
         0},
        {"a,login.site,10.0.0.1 " ED25519 "\n", 22, SSH_KNOWN_MATCH, 1},
        {"*.site " ED25519 "\n", 22, SSH_KNOWN_MATCH, 1},
        {"login?site " ED25519 "\n", 22, SSH_KNOWN_MATCH, 1},
        {"*,!login.site " ED25519 "\n", 22, SSH_KNOWN_NONE, 0},
        {"!login.site,* " ED25519 "\n", 22, SSH_KNOWN_NONE, 0},
        {HASHED " " ED25519 "\n", 22, SSH_KNOWN_MATCH, 1},
        {HASHED_PORT " " ED25519 "\n", 22, SSH_KNOWN_NONE, 0},
        {HASHED_PORT " " ED25519 "\n", 2222, SSH_KNOWN_MATCH, 1},
        {"[login.site]:2222 " ED25519 "\n", 2222, SSH_KNOWN_MATCH, 1},
        {"[login.site]:2223 " ED25519 "\n", 2222, SSH_KNOWN_NONE, 0},
        {"[login.site]:2222 " OTHER "\n", 2222, SSH_KNOWN_CHANGED, 1},
        /* A name without a port will do, but says nothing of a change. */
        {"login.site " ED25519 "\n", 2222, SSH_KNOWN_MATCH, 1},
        {"login.site " OTHER "\n", 2222, SSH_KNOWN_NONE, 0},
        {"login.site " ED25519 "\n[login.site]:2222 " OTHER "\n", 2222,
         SSH_KNOWN_CHANGED, 2},
        {"[login.site]:2222 " OTHER "\nlogin.site " ED25519 "\n", 2222,
         SSH_KNOWN_CHANGED, 1},
        {"[login.site]:2222 " OTHER "\n[login.site]:2222 " ED25519
         "\nlogin.site " ED25519 "\n",
         2222, SSH_KNOWN_MATCH, 2},
        {"login.site " OTHER "\n", 22, SSH_KNOWN_CHANGED, 1},
        {"login.site " ECDSA "\n", 22, SSH_KNOWN_OTHER_TYPE, 1},
        {"login.site " ECDSA "\nlogin.site " OTHER "\n", 22, SSH_KNOWN_CHANGED,
         2},
        {"login.site " OTHER "\nlogin.site " ED25519 "\n", 22, SSH_KNOWN_MATCH,
         2},
        {"login.site " ED25519 "\nlogin.site " OTHER "\n", 22, SSH_KNOWN_MATCH,
         1},
        {"@revoked * " ED25519 "\nlogin.site " ED25519 "\n", 22,
         SSH_KNOWN_REVOKED, 1},
        {"login.site " ED25519 "\n@revoked login.site " ED25519 "\n", 22,
         SSH_KNOWN_REVOKED, 2},
        {"@revoked * " OTHER "\nlogin.site " ED25519 "\n", 22, SSH_KNOWN_MATCH,
         2},
        {"@cert-authority * " ED25519 "\n", 22, SSH_KNOWN_NONE, 0},
        /* Lines that are none. */
        {"\n#login.site " ED25519 "\n\n \nlogin.site\nlogin.site x\n"
         "login.site ssh-ed25519\nlogin.site ssh-ed25519 AAAA\n"
         "login.site ssh-ed25519 !!!!\nlogin.site ssh-rsa "
         "AAAAC3NzaC1lZDI1NTE5AAAAIE+GLns0Imu8keRjEcnThjbom7Cpyjtoo8klzAC05SzK"
         "\n@\n@revoked\n|1|\n|1||| " ED25519 "\n|1|AA==|AA== " ED25519
         "\n, " ED25519 "\nlogin.site " ED25519 "\n",
         22, SSH_KNOWN_MATCH, 17},
    };
    size_t len = 0;
    unsigned char *blob = ssh_base64(strchr(ED25519, ' ') + 1,
                                     strlen(strchr(ED25519, ' ') + 1), &len);

    CU_ASSERT_PTR_NOT_NULL_FATAL(blob);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ssh_known k = {0};
        const ssh_known_key *found;
        CU_ASSERT_EQUAL(ssh_known_parse(&k, rows[i].content, "FILE",
                                        "login.site", rows[i].port),
                        0);
        enum ssh_known_verdict v = ssh_known_check(&k, blob, len, &found);
        if (v != rows[i].verdict || (found ? found->line : 0) != rows[i].line)
            printf("# row %zu: %d, line %d\n", i, (int)v,
                   found ? found->line : 0);
        CU_ASSERT_EQUAL(v, rows[i].verdict);
        CU_ASSERT_EQUAL(found ? found->line : 0, rows[i].line);
        ssh_known_free(&k);
    }
    free(blob);
}

static void test_algorithms(void)
{
    static const struct {
        const char *content, *want;
    } rows[] = {
        {"", "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"
             "ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256,ssh-rsa"},
        {"login.site " ECDSA "\n[login.site]:2222 " ED25519 "\n",
         "ssh-ed25519,ecdsa-sha2-nistp256,"},
        {"login.site " ECDSA "\nlogin.site " ED25519 "\n",
         "ecdsa-sha2-nistp256,ssh-ed25519,"},
        {"login.site " ED25519 "\nlogin.site " ECDSA "\n",
         "ssh-ed25519,ecdsa-sha2-nistp256,"},
        {"[login.site]:2222 " ED25519 "\nlogin.site " ECDSA "\n",
         "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,"},
        {"@revoked * " ECDSA "\n", "ssh-ed25519,"},
    };
    ssh_known none = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ssh_known k = {0};
        text out = {0};
        ssh_known_parse(&k, rows[i].content, "FILE", "login.site", 2222);
        ssh_known_algorithms(&k, &out);
        CU_ASSERT_EQUAL(strncmp(out.data, rows[i].want, strlen(rows[i].want)),
                        0);
        text_free(&out);
        ssh_known_free(&k);
    }
    /* A file that is not there has nothing. */
    CU_ASSERT_EQUAL(ssh_known_load(&none, "/no/where", "h", 22), 0);
    CU_ASSERT_EQUAL(none.n, 0);
}

static void test_type(void)
{
    static const struct {
        const char *blob;
        size_t len;
        const char *type;
    } rows[] = {
        {"\0\0\0\7ssh-rsa...", 14, "ssh-rsa"},
        {"\0\0\0\7ssh-rs", 10, ""},
        {"\0\0\0\0", 4, ""},
        {"\0\0\0", 3, ""},
        {"\377\377\377\377ssh", 7, ""},
        {"\0\0\0\3a b", 7, ""},
    };
    char type[64];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ssh_known_type((const unsigned char *)rows[i].blob, rows[i].len, type,
                       sizeof(type));
        UNIT_EQUAL(type, rows[i].type);
    }
}

static void test_base64(void)
{
    static const struct {
        const char *from, *to; /* NULL: none */
    } rows[] = {
        {"YWJj", "abc"}, {"YWI=", "ab"}, {"YQ==", "a"},  {"", NULL},
        {"YWJ", NULL},   {"Y!==", NULL}, {"====", NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t len = 0;
        unsigned char *to =
            ssh_base64(rows[i].from, strlen(rows[i].from), &len);
        if (rows[i].to) {
            CU_ASSERT_PTR_NOT_NULL_FATAL(to);
            CU_ASSERT_EQUAL(len, strlen(rows[i].to));
            CU_ASSERT_EQUAL(memcmp(to, rows[i].to, len), 0);
        }
        free(to);
    }
}

/* --- key files --- */

/* A file of the format of today: as far as its public key. */
static char *key_file(const char *cipher, const char *type)
{
    unsigned char blob[512] = "openssh-key-v1", out[1024];
    const char *strings[] = {cipher, "kdf", ""};
    size_t n = sizeof("openssh-key-v1");

    for (int i = 0; i < 3; i++) {
        size_t len = strlen(strings[i]);
        blob[n + 3] = (unsigned char)len;
        memcpy(blob + n + 4, strings[i], len);
        n += 4 + len;
    }
    blob[n + 3] = 1;
    blob[n + 7] = (unsigned char)(4 + strlen(type));
    blob[n + 11] = (unsigned char)strlen(type);
    memcpy(blob + n + 12, type, strlen(type));
    n += 12 + strlen(type);
    EVP_EncodeBlock(out, blob, (int)n);
    return text_format("-----BEGIN OPENSSH PRIVATE KEY-----\n%.20s\n%s\n"
                       "-----END OPENSSH PRIVATE KEY-----\n",
                       out, out + 20);
}

static void test_key(void)
{
    static const struct {
        const char *cipher, *type;
        bool encrypted;
        enum ssh_key_use use;
    } rows[] = {
        {"none", "ssh-ed25519", false, SSH_KEY_GOOD},
        {"none", "ecdsa-sha2-nistp384", false, SSH_KEY_GOOD},
        {"aes256-ctr", "ssh-ed25519", true, SSH_KEY_GOOD},
        {"aes256-ctr", "ssh-rsa", true, SSH_KEY_RSA},
        {"none", "sk-ssh-ed25519@openssh.com", false, SSH_KEY_NEVER},
        {"none", "ssh-ed25519-cert-v01@openssh.com", false, SSH_KEY_NEVER},
    };
    enum ssh_key_use rsa =
        libssh2_version(0x010b00) ? SSH_KEY_GOOD : SSH_KEY_RSA;
    ssh_key key;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *content = key_file(rows[i].cipher, rows[i].type);
        CU_ASSERT(ssh_key_parse(content, &key));
        UNIT_EQUAL(key.type, rows[i].type);
        CU_ASSERT_EQUAL(key.encrypted, rows[i].encrypted);
        CU_ASSERT_EQUAL(ssh_key_use_of(key.type),
                        rows[i].use == SSH_KEY_RSA ? rsa : rows[i].use);
        /* Cut anywhere, it is none. */
        for (size_t n = strlen(content) - 1; n-- > 0;) {
            content[n] = '\0';
            CU_ASSERT_FALSE(ssh_key_parse(content, &key));
        }
        free(content);
    }
}

static void test_key_forms(void)
{
    static const struct {
        const char *content;
        bool is;
        const char *type;
        bool encrypted;
    } rows[] = {
        {"-----BEGIN RSA PRIVATE KEY-----\nx", true, "ssh-rsa", false},
        {"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nx", true,
         "ssh-rsa", true},
        {"text\n-----BEGIN EC PRIVATE KEY-----\nx", true, "", false},
        {"-----BEGIN PRIVATE KEY-----\nx", true, "", false},
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nx", true, "", true},
        {"-----BEGIN PUBLIC KEY-----\nx", false, "", false},
        {ED25519, false, "", false},
        {"", false, "", false},
    };
    ssh_key key;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(ssh_key_parse(rows[i].content, &key), rows[i].is);
        UNIT_EQUAL(key.type, rows[i].type);
        CU_ASSERT_EQUAL(key.encrypted, rows[i].encrypted);
    }
}

static void test_digest(void)
{
#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    static const struct {
        const char *text, *want; /* NULL: none */
    } rows[] = {
        {HEX "  -\n", HEX},
        {"SHA2-256(stdin)= " HEX "\n", HEX},
        {"(stdin)= " HEX, HEX},
        {"deadbeef " HEX, HEX},
        {"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
         HEX},
        {HEX "0", NULL},
        {"e3b0", NULL},
        {"", NULL},
    };
    char hex[DIGEST_HEX + 1];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_EQUAL(digest_parse(rows[i].text, hex), !!rows[i].want);
        if (rows[i].want)
            UNIT_EQUAL(hex, rows[i].want);
    }
}

int main(void)
{
    static const unit_test tests[] = {
        {"URLs of SSH hosts", test_url},
        {"what ssh says of a host", test_config},
        {"what goes before it", test_config_order},
        {"lines of known_hosts", test_known},
        {"host key algorithms in the order of what is known", test_algorithms},
        {"types of keys", test_type},
        {"base64", test_base64},
        {"key files of OpenSSH", test_key},
        {"key files of other forms", test_key_forms},
        {"digests as programs print them", test_digest},
        {NULL, NULL},
    };

    scratch_make();
    setenv("HOME", scratch_folder, 1);
    int status = unit_main("ssh_parts", tests);
    scratch_remove();
    return status;
}
