/*
 * The floor: the cost of a relayed message with hardly more than the kernel's part. One thread, epoll, a table of
 * topics. It checks nothing: no handshake key, no CBOR, no UTF-8, no limits, no clock. It is not a server, only a
 * reference. Absolute figures change with the machine and the hour; the ratio to the floor changes much less.
 *
 *   cc -O2 -o floor floor.c && ./floor      prints its port on 127.0.0.1
 *
 * It understands only what bench/load sends: topics of 64 bytes, canonical messages below 64 KiB, pings.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 65536, MAX_TOPICS = 65536, TOPIC_BYTES = 64, READ_BYTES = 262144, EVENTS = 512 };
enum { OPCODE_PING = 9, OPCODE_PONG = 10 };

/* A canonical Relay is a1 65 "Relay" a2 65 "topic" 78 40, then the topic. The second byte differs from a Subscribe. */
enum { RELAY_NAME = 0x65, RELAY_TOPIC_AT = 16 };

struct topic {
  int used;
  unsigned char name[TOPIC_BYTES];
  int *subscribers, count, room;
};

/* Connections by file descriptor. `rest` is the beginning of an incomplete frame. */
struct connection {
  int upgraded;
  unsigned char *rest;
  int rest_bytes;
};

static struct topic topics[MAX_TOPICS];
static struct connection connections[MAX_CONNECTIONS];

/* Topics with open addressing. Topics are random, so their first bytes serve as a hash. No topic is ever removed. */
static struct topic *topic_named(const unsigned char *name) {
  unsigned hash = 5381;
  for (int i = 0; i < 16; i++) hash = hash * 33 + name[i];
  for (;; hash++) {
    struct topic *topic = &topics[hash % MAX_TOPICS];
    if (!topic->used) {
      topic->used = 1;
      memcpy(topic->name, name, TOPIC_BYTES);
      return topic;
    }
    if (memcmp(topic->name, name, TOPIC_BYTES) == 0) return topic;
  }
}

static void subscribe(int fd, const unsigned char *name) {
  struct topic *topic = topic_named(name);
  if (topic->count == topic->room) {
    topic->room = topic->room ? topic->room * 2 : 2;
    topic->subscribers = realloc(topic->subscribers, topic->room * sizeof *topic->subscribers);
  }
  topic->subscribers[topic->count++] = fd;
}

/* Writes the head of an unmasked frame. Returns the length of the head. */
static int put_head(unsigned char *frame, int opcode, int bytes) {
  frame[0] = 0x80 | opcode;
  if (bytes < 126) {
    frame[1] = bytes;
    return 2;
  }
  frame[1] = 126;
  frame[2] = bytes >> 8;
  frame[3] = bytes;
  return 4;
}

/* Waits for a peer that does not read, because there is no queue. */
static void send_to(int fd, const unsigned char *frame, int bytes) {
  for (;;) {
    ssize_t sent = write(fd, frame, bytes);
    if (sent == bytes || (sent < 0 && errno != EAGAIN)) return;
    if (sent > 0) frame += sent, bytes -= sent;
    poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
  }
}

static void relay(int sender, const unsigned char *message, int bytes) {
  static unsigned char frame[4 + 65536];
  struct topic *topic = topic_named(message + RELAY_TOPIC_AT);
  int head = put_head(frame, 2, bytes);
  memcpy(frame + head, message, bytes);
  for (int i = 0; i < topic->count; i++) {
    if (topic->subscribers[i] != sender) send_to(topic->subscribers[i], frame, head + bytes);
  }
}

static void answer_ping(int fd, const unsigned char *payload, int bytes) {
  unsigned char frame[4 + 125];
  int head = put_head(frame, OPCODE_PONG, bytes);
  memcpy(frame + head, payload, bytes);
  send_to(fd, frame, head + bytes);
}

/* Most measurements use a mask of zeros, which changes nothing. */
static void unmask(unsigned char *payload, int bytes, const unsigned char *mask) {
  if ((mask[0] | mask[1] | mask[2] | mask[3]) == 0) return;
  for (int i = 0; i < bytes; i++) payload[i] ^= mask[i & 3];
}

/* Handles every complete frame. Returns the number of bytes handled. */
static int handle_frames(int fd, unsigned char *in, int bytes) {
  int at = 0;
  for (;;) {
    int left = bytes - at, head = 6;
    if (left < 6) return at;
    int opcode = in[at] & 15, length = in[at + 1] & 127;
    if (length == 126) {
      length = in[at + 2] << 8 | in[at + 3];
      head = 8;
    }
    if (left < head + length) return at;
    unsigned char *payload = in + at + head;
    unmask(payload, length, payload - 4);
    if (opcode == OPCODE_PING) answer_ping(fd, payload, length);
    else if (payload[1] == RELAY_NAME) relay(fd, payload, length);
    else subscribe(fd, payload + length - TOPIC_BYTES);
    at += head + length;
  }
}

/* Frees what a connection held. Its subscriptions stay, because peers leave only after the measurement. */
static void end(int fd) {
  free(connections[fd].rest);
  connections[fd] = (struct connection){0};
  close(fd);
}

static void handle_readable(int fd) {
  static unsigned char in[READ_BYTES + 65536 + 8];
  struct connection *connection = &connections[fd];
  int kept = connection->rest_bytes;
  if (kept > 0) memcpy(in, connection->rest, kept);
  ssize_t got = read(fd, in + kept, READ_BYTES);
  if (got <= 0) {
    end(fd);
    return;
  }
  if (!connection->upgraded) {
    static const char welcome[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    connection->upgraded = 1;
    send_to(fd, (const unsigned char *)welcome, sizeof welcome - 1);
    return;
  }
  int bytes = kept + got, handled = handle_frames(fd, in, bytes);
  connection->rest_bytes = bytes - handled;
  if (handled < bytes) {
    connection->rest = realloc(connection->rest, bytes - handled);
    memcpy(connection->rest, in + handled, bytes - handled);
  }
}

static void accept_all(int listener, int epoll) {
  int fd, on = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
    if (fd >= MAX_CONNECTIONS) {
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.fd = fd});
  }
}

static int fail(const char *what) {
  perror(what);
  return 1;
}

int main(void) {
  /* Dies with the program that measures it, however that ends. A write to a peer that is gone does not end it. */
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);

  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), epoll = epoll_create1(0);
  if (listener < 0 || epoll < 0) return fail("floor");
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) return fail("floor: listen");
  if (getsockname(listener, (struct sockaddr *)&address, &size)) return fail("floor: port");
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
  printf("listening on ws://127.0.0.1:%d\n", ntohs(address.sin_port));
  fflush(stdout);

  for (;;) {
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd == listener) accept_all(listener, epoll);
      else handle_readable(events[i].data.fd);
    }
  }
}
