import { everyOtherScenario } from './delta.suite.ts';

everyOtherScenario(1);
