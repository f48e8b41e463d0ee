// SPDX-License-Identifier: Apache-2.0
//
// Eclipse Paho for C++, with a listener for each topic: all actions of the account, and one
// property of a thng, on which a value is published.
//     c++ -std=c++17 -o paho/listeners paho/listeners.cpp -lpaho-mqttpp3 -lpaho-mqtt3as
#include <chrono>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <mqtt/async_client.h>
#include <thread>

using Listener = std::function<void(const std::string &topic, const std::string &message)>;

static std::string env(const char *name, const char *otherwise = "")
{
    const char *value = std::getenv(name);
    return value ? value : otherwise;
}

int main()
{
    const std::string MQTT_URL =
        "ssl://" + env("HOST", "localhost") + ":" + env("MQTTS_PORT", "8883");
    const std::string API_KEY = env("API_KEY");
    const std::string THNG_ID = env("THNG_ID");
    const std::string PROPERTY_KEY = "temperature_celsius";
    const std::string property = "/thngs/" + THNG_ID + "/properties/" + PROPERTY_KEY;

    // A message comes with its topic spelled as it was subscribed to: the topic finds the listener.
    std::map<std::string, Listener> listeners;
    listeners["/actions/all"] = [](const std::string &, const std::string &message) {
        std::cout << "Action: " << message << std::endl;
    };
    listeners[property] = [](const std::string &, const std::string &message) {
        std::cout << "Property update: " << message << std::endl;
    };

    mqtt::async_client client(MQTT_URL, "");
    client.set_message_callback([&](mqtt::const_message_ptr message) {
        auto found = listeners.find(message->get_topic());
        if (found != listeners.end())
            found->second(message->get_topic(), message->to_string());
    });

    auto ssl = mqtt::ssl_options_builder().trust_store(env("CA_FILE", "ca.pem")).finalize();
    auto options = mqtt::connect_options_builder()
                       .user_name("authorization")
                       .password(API_KEY)
                       .ssl(std::move(ssl))
                       .finalize();
    try {
        client.connect(options)->wait();
        for (const auto &[topic, listener] : listeners)
            client.subscribe(topic, 1)->wait();
        std::cout << "Subscribed" << std::endl;

        auto now = std::chrono::system_clock::now().time_since_epoch();
        auto timestamp = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
        std::string payload = "[{\"value\":" + std::to_string(std::rand() % 10000) +
                              ",\"timestamp\":" + std::to_string(timestamp) + "}]";
        client.publish(property, payload, 1, false)->wait();
    } catch (const mqtt::exception &error) {
        std::cerr << error.what() << std::endl;
        return EXIT_FAILURE;
    }
    while (client.is_connected())
        std::this_thread::sleep_for(std::chrono::seconds(1));
    return EXIT_SUCCESS;
}
