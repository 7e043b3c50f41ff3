// SPDX-License-Identifier: Apache-2.0
import Evaluation
import MetricTokens
import Objectives
import TokenData
import TokenModels
import Torch
import TorchNN
import Training

/// A model that sees: `task=features` (images to the decoder's embeddings), `step` (an optimizer step over images read
/// from their files and words). peers/seeing.py does the same.
func seeing(_ worker: Worker, _ settings: Settings) throws {
  let model = try Llava(folder: settings.required("model"), options: LoadOptions(dtype: .float32, copying: true))
  let batch = settings.int("batch", 4), preparation = ImagePreparation(side: model.imageSize.width, distorting: true)
  func prepared(_ path: String) throws -> PreparedImage {
    try preparation.prepare(PixelImage(file: path), path: path)
  }
  let paths = (0..<batch).map { "\(settings.required("model"))/\($0).png" }
  if settings.required("task") == "features" {
    let pixels = Tensor.cat(
      try paths.map { path in
        let image = try prepared(path)
        return Tensor(image.values, shape: [1, 3, image.height, image.width])
      })
    // Eight times, so that what the other worker's threads still do when they wait is small beside it.
    try worker.serve { noGrad { (0..<8).map { _ in model.features(of: pixels).abs().mean().item() }.reduce(0, +) } }
    return
  }
  let examples = exampleSet(paths, length: settings.int("length", 48), model)
  let trainer = Trainer(
    model, .crossEntropy, AdamW(learningRate: 1e-6), options: TrainingOptions(length: .steps(1 << 16)))
  let source = ExampleBatches(
    (0..<1 << 16).map { examples[$0 % batch] }, plan: BatchPlan(count: 1 << 16, batch: batch, shuffled: false),
    images: { example in
      try example.images.map { PlacedImage(try prepared($0.path), position: $0.position, count: $0.count) }
    })
  try worker.serve(trainer, source) { $0.loss }
}

/// An image and random words each, of which the last eight are learnt.
private func exampleSet(_ paths: [String], length: Int, _ model: Llava) -> [EncodedExample] {
  Torch.seed(1)
  let words = Tensor.randint(0, 49_152, [paths.count, length]).array(of: Int64.self), tokens = model.tokensPerImage
  return paths.enumerated().map { row, path in
    EncodedExample(
      ids: Array(repeating: Int32(model.imageToken), count: tokens)
        + words[row * length..<(row + 1) * length].map { Int32($0) },
      supervised: (0..<tokens + length).map { $0 >= tokens + length - 8 }, metrics: [],
      images: [ExampleImage(path: path, position: 0, count: tokens)])
  }
}
