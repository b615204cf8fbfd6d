import { dataMarginal, entropicProblem, exactTransport, randomSource, shapes, sinkhorn, transportProblem } from 'viaduct';

// Two moons onto eight Gaussians: a smooth plan, and how much the sharp one would save.
const source = dataMarginal(shapes.moons({ scale: 2 }).sample(80, randomSource(1)));
const target = dataMarginal(shapes.eightGaussians({ scale: 3 }).sample(80, randomSource(2)));

const smooth = sinkhorn(entropicProblem({ source, target, epsilon: { ofMeanCost: 0.05 } }));
const sharp = exactTransport(transportProblem({ source, target }));
console.log(smooth.status, sharp.status); // → converged converged
console.log(smooth.value.linear > sharp.value.linear); // → true
console.log('barycentric image of the first moon point:', smooth.conditionalMean([[...source.points.data.subarray(0, 2)]]).data);
