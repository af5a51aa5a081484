import 'uplot/dist/uPlot.min.css';
import './base.css';
import './notebook.css';
import './studio.css';
import './run.css';
import './nouns.css';
