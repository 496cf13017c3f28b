/* pty.c - ROWS COLS FILE COMMAND...: a command on a terminal of its own.
 *
 * What it draws goes to FILE.  Lines of standard input are for it: "key TEXT",
 * "enter", "down", "interrupt", "size ROWS COLS".  At its end "same" or
 * "changed" is printed, as the terminal's settings are, and then its status.
 */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <utmp.h>

static int master;

static void send_keys(const char *keys)
{
    if (write(master, keys, strlen(keys)) < 0)
        perror("pty");
}

static void obey(char *line)
{
    struct winsize w = {0};

    line[strcspn(line, "\n")] = '\0';
    if (!strncmp(line, "key ", 4))
        send_keys(line + 4);
    else if (!strcmp(line, "enter"))
        send_keys("\r");
    else if (!strcmp(line, "down"))
        send_keys("j");
    else if (!strcmp(line, "interrupt"))
        send_keys("\003");
    else if (sscanf(line, "size %hu %hu", &w.ws_row, &w.ws_col) == 2)
        ioctl(master, TIOCSWINSZ, &w);
}

/* False: nobody draws any more. */
static bool copy(int to)
{
    char bytes[4096];
    ssize_t n = read(master, bytes, sizeof(bytes));

    return n > 0 && write(to, bytes, (size_t)n) == n;
}

static bool same(const struct termios *a, const struct termios *b)
{
    return a->c_iflag == b->c_iflag && a->c_oflag == b->c_oflag &&
           a->c_cflag == b->c_cflag && a->c_lflag == b->c_lflag;
}

/* Until the child has ended: its status. */
static int serve(pid_t pid, int to)
{
    struct pollfd fds[] = {{.fd = master, .events = POLLIN},
                           {.fd = STDIN_FILENO, .events = POLLIN}};
    char line[256];
    int status;

    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (poll(fds, 2, 50) <= 0)
            continue;
        if (fds[0].revents && !copy(to))
            fds[0].fd = -1;
        if (fds[1].revents && !fgets(line, sizeof(line), stdin))
            fds[1].fd = -1;
        else if (fds[1].revents)
            obey(line);
    }
    while (poll(fds, 1, 0) > 0 && fds[0].revents & POLLIN && copy(to))
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    struct winsize w = {0};
    struct termios before, after;
    int slave, to, status;
    pid_t pid;

    if (argc < 5)
        return 64;
    setvbuf(stdin, NULL, _IONBF, 0);
    w.ws_row = (unsigned short)atoi(argv[1]);
    w.ws_col = (unsigned short)atoi(argv[2]);
    to = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (to < 0 || openpty(&master, &slave, NULL, NULL, &w) < 0)
        return 73;
    tcgetattr(slave, &before);
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        close(master);
        login_tty(dup(slave));
        close(slave);
        execvp(argv[4], argv + 4);
        _exit(127);
    }
    status = serve(pid, to);
    tcgetattr(slave, &after);
    puts(same(&before, &after) ? "same" : "changed");
    return status;
}
