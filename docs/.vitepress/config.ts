import { defineConfig } from 'vitepress';
import api from '../api/typedoc-sidebar.json' with { type: 'json' };

export default defineConfig({
  title: 'Viaduct',
  description: 'Computational optimal transport and Schrödinger bridges, judged against exact answers.',
  markdown: { math: true },
  srcExclude: ['README.md'],
  themeConfig: {
    nav: [
      { text: 'Getting started', link: '/getting-started' },
      { text: 'Validation', link: '/validation' },
      { text: 'API', link: '/api/' },
    ],
    sidebar: [
      {
        text: 'Guide',
        items: [
          { text: 'Getting started', link: '/getting-started' },
          { text: 'The command line', link: '/command-line' },
          { text: 'How the validation works', link: '/validation' },
          { text: 'How to choose ε, σ and T', link: '/choosing' },
          { text: 'Conventions', link: '/conventions' },
          { text: 'Coming from POT, OTT, GeomLoss', link: '/coming-from' },
          { text: 'Benchmarks', link: '/benchmarks' },
          { text: 'References', link: '/references' },
        ],
      },
      {
        text: 'The three wings',
        items: [
          { text: 'Discrete', link: '/wings/discrete' },
          { text: 'Variants of discrete transport', link: '/wings/variants' },
          { text: 'Images and volumes', link: '/wings/grids' },
          { text: 'Gaussian', link: '/wings/gaussian' },
          { text: 'Diffusion', link: '/wings/diffusion' },
          { text: 'Judgement', link: '/wings/judgement' },
          { text: 'TensorFlow.js', link: '/tensorflow' },
        ],
      },
      {
        text: 'Tables of the field',
        items: [
          { text: 'How they are run', link: '/reproductions/' },
          { text: 'Gaussian table', link: '/reproductions/gaussian' },
          { text: 'Two dimensions', link: '/reproductions/two-d' },
          { text: 'Entropic benchmark', link: '/reproductions/benchmark' },
          { text: 'The DSB paper', link: '/reproductions/paper' },
          { text: 'Theorem 1', link: '/reproductions/theorem' },
        ],
      },
      { text: 'API', items: api },
    ],
    search: { provider: 'local' },
    outline: [2, 3],
  },
});
