// SPDX-License-Identifier: Apache-2.0
import Evaluation
import MetricTokens
import Objectives
import TokenModels
import Torch
import TorchNN
import Training

/// Image tokens: `task=encode` (images to codes), `step` (an optimizer step over codes, `preset=sft` or `dist`),
/// `sample` (greedy codes under guidance). peers/images.py does the same.
func imageTokens(_ worker: Worker, _ settings: Settings) throws {
  switch settings.required("task") {
  case "encode": try encodeImages(worker, settings)
  case "step": try imageStep(worker, settings)
  default: try sampleImages(worker, settings)
  }
}

private func encodeImages(_ worker: Worker, _ settings: Settings) throws {
  let model = try VQModel(folder: settings.required("model"))
  Torch.seed(3)
  let pixels = Tensor.randint(0, 256, [settings.int("batch", 2), 3, 256, 256])
  try worker.serve {
    Double(try noGrad { try model.encode(pixels.to(.float32) / 127.5 - 1).codes }.count)
  }
}

private func imageStep(_ worker: Worker, _ settings: Settings) throws {
  let model = try LlamaGen(folder: settings.required("model"), options: LoadOptions(dtype: .float32, copying: true))
  let batch = settings.int("batch", 2), count = model.configuration.codes, length = model.codesPerImage
  Torch.seed(1)
  let codes = Tensor.randint(0, count, [batch, length]).array(of: Int32.self)
  let examples = (0..<batch).map { row -> EncodedExample in
    let own = Array(codes[row * length..<(row + 1) * length])
    return EncodedExample(
      ids: [model.token(ofClass: row)] + own, supervised: [false] + own.map { _ in true },
      metrics: own.enumerated().map { MetricPosition(position: $0 + 1, candidate: Int($1), number: $0) })
  }
  let objective: Objective
  if settings.string("preset") == "dist" {
    let book = try CodeBook(Tensor.randn([count, 8]).to(.float32))
    objective =
      try Objective.crossEntropy
      + 0.1 * DistanceLoss(.all(count), target: TargetDistribution(MeanSquaredDistance(book), temperature: .value(0.1)))
  } else {
    objective = .crossEntropy
  }
  let trainer = Trainer(
    model, objective,
    AdamW(learningRate: 1e-6, betas: (0.9, 0.95), weightDecay: 0.05, groups: [.vectorsWithoutDecay]),
    options: TrainingOptions(length: .steps(1 << 16)))
  let source = ExampleBatches(
    (0..<1 << 16).map { examples[$0 % batch] }, plan: BatchPlan(count: 1 << 16, batch: batch, shuffled: false))
  try worker.serve(trainer, source) { step in step.lossTerms.first { $0.name == "ce" }?.value ?? step.loss }
}

private func sampleImages(_ worker: Worker, _ settings: Settings) throws {
  let model = try LlamaGen(folder: settings.required("model"))
  let classes = (0..<settings.int("batch", 8)).map { Optional($0) }
  let options = ImageSamplingOptions(guidance: 2, sampling: .greedy, batch: classes.count)
  try worker.serve { Double(try ImageSampler(model).sample(classes, options).reduce(0) { $0 + Int($1[0]) }) }
}
