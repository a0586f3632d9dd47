// classify.cpp - says what a picture shows, and its embedding: classify MODEL PICTURE
// c++ -std=c++17 -o classify classify.cpp $(pkg-config --cflags --libs shunt)
#include <shunt/shunt.hpp>

#include <cstdio>

int main(int argc, char **argv)
try {
    if (argc != 3) throw std::runtime_error("give a model and a picture");
    const shunt::Device device; // SHUNT_DEVICE, or the best there is
    auto model = shunt::Model::open(argv[1]);
    for (const shunt_guess &guess : model.classify(device, argv[2], 3))
        std::printf("%lld %.3f\n", static_cast<long long>(guess.index), static_cast<double>(guess.probability));

    shunt_image image;
    shunt::check(shunt_image_read(argv[2], &image));
    const auto batch = model.preprocess({shunt::frame(SHUNT_PIXELS_RGB, image.rgb, image.height, image.width)});
    shunt_image_free(&image);
    const auto executor = model.cut({"avgpool"}, device);
    const std::vector<shunt::Tensor> inputs = {batch};
    std::vector<shunt::Tensor> features;
    const shunt::Event event = executor.submit(inputs, features); // the device works meanwhile
    event.wait();
    std::printf("%zu numbers, the first %g\n", features[0].data.size(), static_cast<double>(features[0].data[0]));
    if (features[0].data != executor.run(inputs)[0].data) throw std::runtime_error("submit and run differ");

    shunt::Status status; // without an exception
    if (!shunt::Model::open("nowhere.onnx", nullptr, &status)) std::printf("as expected: %s\n", status.message.c_str());
    return 0;
} catch (const std::exception &error) {
    std::fprintf(stderr, "classify: %s\n", error.what());
    return 1;
}
