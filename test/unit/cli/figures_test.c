/* SPDX-License-Identifier: Apache-2.0
 *
 * figures_test.c - the parsers on texts as Linux writes them, the rates, and the published JSON. */
#include "cli/figures.h"

#include "codec/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void loadavg_and_uptime(void **state)
{
    (void)state;
    struct figures figures = {0};
    figures_read_loadavg(&figures, SLICE("0.42 1.30 0.25 1/234 5678\n"));
    figures_read_uptime(&figures, SLICE("12345.67 23456.78\n"));
    assert_true(figures.load > 0.419 && figures.load < 0.421);
    assert_true(figures.uptime_s > 12345.66 && figures.uptime_s < 12345.68);
    figures_read_loadavg(&figures, SLICE(""));
    assert_true(figures.load > 0.419 && figures.load < 0.421);
}

static void processor(void **state)
{
    (void)state;
    struct figures figures = {0};
    /* The ninth and tenth number are guests, which are in the first two already. */
    figures_read_stat(&figures,
                      SLICE("cpu  10 20 30 400 50 6 7 8 900 1000\ncpu0 1 2 3 4 5 6 7 8\n"));
    assert_int_equal(figures.processor_ticks, 10 + 20 + 30 + 400 + 50 + 6 + 7 + 8);
    assert_int_equal(figures.processor_idle_ticks, 450);
    struct figures untouched = figures;
    figures_read_stat(&figures, SLICE("cpu0 1 2 3 4\n"));
    assert_memory_equal(&figures, &untouched, sizeof(figures));
    /* Older kernels have fewer columns. */
    figures_read_stat(&figures, SLICE("cpu  1 2 3 4"));
    assert_int_equal(figures.processor_ticks, 10);
    assert_int_equal(figures.processor_idle_ticks, 4);
}

static void memory(void **state)
{
    (void)state;
    struct figures figures = {0};
    figures_read_meminfo(&figures, SLICE("MemTotal:       16316412 kB\n"
                                         "MemFree:          123456 kB\n"
                                         "MemAvailable:    8158206 kB\n"));
    assert_int_equal(figures.memory_kib, 16316412);
    assert_int_equal(figures.memory_available_kib, 8158206);
}

static void disks(void **state)
{
    (void)state;
    struct figures figures = {0};
    figures_read_diskstats(&figures, SLICE("   7       0 loop0 11 0 1000 5 0 0 0 0 0 12 5\n"
                                           "   8       0 sda 100 5 2000 30 200 6 4000 70 0 90 100\n"
                                           "   8       1 sda1 90 5 1900 30 190 6 3900 70 0 90 100\n"
                                           "   8      16 sdb 1 0 8 1 1 0 16 1 0 1 1\n"
                                           " 259       0 nvme0n1 1 0 100 1 1 0 200 1 0 1 1\n"
                                           " 259       1 nvme0n1p1 1 0 100 1 1 0 200 1 0 1 1\n"
                                           " 253       0 dm-0 1 0 5000 1 1 0 5000 1 0 1 1\n"));
    assert_int_equal(figures.disk_read_sectors, 2000 + 8 + 100);
    assert_int_equal(figures.disk_written_sectors, 4000 + 16 + 200);
}

static void network(void **state)
{
    (void)state;
    struct figures figures = {0};
    figures_read_net_dev(
        &figures,
        SLICE("Inter-|   Receive                                                |  Transmit\n"
              " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
              "    lo: 9999 1 0 0 0 0 0 0 9999 1 0 0 0 0 0 0\n"
              "  eth0: 1000 10 0 0 0 0 0 0 500 5 0 0 0 0 0 0\n"
              " wlan0:70 1 0 0 0 0 0 0 30 1 0 0 0 0 0 0\n"
              "veth12: 400 1 0 0 0 0 0 0 400 1 0 0 0 0 0 0\n"));
    assert_int_equal(figures.network_received_bytes, 1070);
    assert_int_equal(figures.network_sent_bytes, 530);
}

#define ASSERT_NEAR(number, expected) \
    assert_true((number) > (expected)-0.001 && (number) < (expected) + 0.001)

static void rates(void **state)
{
    (void)state;
    struct figures before = {.at_ms = 1000,
                             .processor_ticks = 1000,
                             .processor_idle_ticks = 900,
                             .disk_read_sectors = 100,
                             .disk_written_sectors = 500,
                             .network_received_bytes = 5000,
                             .network_sent_bytes = 1024};
    struct figures now = {.at_ms = 3000,
                          .load = 0.5,
                          .processor_ticks = 1200,
                          .processor_idle_ticks = 950,
                          .memory_kib = 4096,
                          .memory_available_kib = 1024,
                          .disk_read_sectors = 108,
                          .disk_written_sectors = 500,
                          .disk_bytes = 1000,
                          .disk_free_bytes = 250,
                          .network_received_bytes = 10, /* the counter began anew */
                          .network_sent_bytes = 5120};
    struct figures_rates r = figures_compare(&before, &now);
    ASSERT_NEAR(r.processor_percent, 75);
    ASSERT_NEAR(r.memory_percent, 75);
    ASSERT_NEAR(r.memory_used_mib, 3);
    ASSERT_NEAR(r.disk_percent, 75);
    ASSERT_NEAR(r.disk_read_kib_s, 2);
    ASSERT_NEAR(r.disk_written_kib_s, 0);
    ASSERT_NEAR(r.network_received_kib_s, 0);
    ASSERT_NEAR(r.network_sent_kib_s, 2);

    /* Nothing known, no time gone: no number is out of the ordinary. */
    struct figures nothing = {0};
    r = figures_compare(&nothing, &nothing);
    ASSERT_NEAR(r.processor_percent, 0);
    ASSERT_NEAR(r.disk_read_kib_s, 0);
}

static void this_machine_as_json(void **state)
{
    (void)state;
    struct figures before;
    struct figures now;
    figures_take(&before);
    figures_take(&now);
    struct figures_rates r = figures_compare(&before, &now);
    struct buf out = {0};
    figures_put_json(&out, &r);
    struct json_value root;
    assert_int_equal(json_scan(buf_data(&out), JSON_DEPTH_MAX, &root).code, ERR_OK);
    assert_int_equal(json_count(root), 10);
    struct json_each each = json_each(root);
    struct json_value item;
    while (json_array_next(&each, &item)) {
        assert_int_equal(json_member(item, SLICE("key")).type, JSON_STRING);
        assert_int_equal(json_member(item, SLICE("value")).type, JSON_NUMBER);
    }
    assert_true(now.memory_kib > 0);
    assert_true(now.disk_bytes > 0);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loadavg_and_uptime),
        cmocka_unit_test(processor),
        cmocka_unit_test(memory),
        cmocka_unit_test(disks),
        cmocka_unit_test(network),
        cmocka_unit_test(rates),
        cmocka_unit_test(this_machine_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
